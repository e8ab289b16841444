#include "textflag.h"

// Constants, read with VBROADCASTSS.
DATA consts<>+0(SB)/4, $0x3fb8aa3b  // log2(e)
DATA consts<>+4(SB)/4, $0x3f318000  // high part of ln 2
DATA consts<>+8(SB)/4, $0xb95e8083  // low part of ln 2
DATA consts<>+12(SB)/4, $0xc2ae0000 // -87
DATA consts<>+16(SB)/4, $0x39506967 // 1.9875691500e-4
DATA consts<>+20(SB)/4, $0x3ab743ce // 1.3981999507e-3
DATA consts<>+24(SB)/4, $0x3c088908 // 8.3334519073e-3
DATA consts<>+28(SB)/4, $0x3d2aa9c1 // 4.1665795894e-2
DATA consts<>+32(SB)/4, $0x3e2aaaaa // 1.6666665459e-1
DATA consts<>+36(SB)/4, $0x3f000000 // 0.5
DATA consts<>+40(SB)/4, $0x3f800000 // 1
DATA consts<>+44(SB)/4, $0x0000007f // exponent bias
DATA consts<>+48(SB)/4, $0x7fffffff // all but the sign
DATA consts<>+52(SB)/4, $0x3f3504f3 // 1/sqrt(2)
DATA consts<>+56(SB)/4, $0x3ea7ba05 // 0.3275911
DATA consts<>+60(SB)/4, $0x3f87dc22 // 1.061405429
DATA consts<>+64(SB)/4, $0xbfba00e3 // -1.453152027
DATA consts<>+68(SB)/4, $0x3fb5f0e3 // 1.421413741
DATA consts<>+72(SB)/4, $0xbe91a98e // -0.284496736
DATA consts<>+76(SB)/4, $0x3e827906 // 0.254829592
DATA consts<>+80(SB)/4, $0x2b8cbccc // 1e-12
GLOBL consts<>(SB), RODATA|NOPTR, $84

#define CONST(off, y) VBROADCASTSS consts<>+off(SB), y

// EXP replaces x by exp(x); n and y are clobbered. Y6..Y15 hold: Y6 low bound, Y7 log2e, Y8 ln2 high, Y9 ln2 low,
// Y10..Y13 the first four coefficients; the last two and 1 are read from memory.
#define EXP(x, n, y) \
	VMAXPS       Y6, x, x             \
	VMULPS       Y7, x, n             \
	VROUNDPS     $0, n, n             \
	VFNMADD231PS Y8, n, x             \
	VFNMADD231PS Y9, n, x             \
	VMOVAPS      Y10, y               \
	VFMADD213PS  Y11, x, y            \
	VFMADD213PS  Y12, x, y            \
	VFMADD213PS  Y13, x, y            \
	VFMADD213PS  Y14, x, y            \
	VFMADD213PS  Y15, x, y            \
	VCVTPS2DQ    n, n                 \
	VPADDD       Y5, n, n             \
	VPSLLD       $23, n, n            \
	VFMADD213PS  Y4, x, y             \
	VFMADD213PS  Y4, x, y             \
	VMULPS       n, y, x

#define EXPCONSTS \
	CONST(0, Y7)   \
	CONST(4, Y8)   \
	CONST(8, Y9)   \
	CONST(12, Y6)  \
	CONST(16, Y10) \
	CONST(20, Y11) \
	CONST(24, Y12) \
	CONST(28, Y13) \
	CONST(32, Y14) \
	CONST(36, Y15) \
	CONST(40, Y4)  \
	CONST(44, Y5)

// HSUM leaves the sum of Y0 in X0; X1 is clobbered.
#define HSUM \
	VEXTRACTF128 $1, Y0, X1 \
	VADDPS       X1, X0, X0 \
	VHADDPS      X0, X0, X0 \
	VHADDPS      X0, X0, X0

#define MADD(addr, lo, hi) \
	VPBROADCASTD addr, Y14      \
	VPMADDWD     Y12, Y14, Y15  \
	VPADDD       Y15, lo, lo    \
	VPMADDWD     Y13, Y14, Y14  \
	VPADDD       Y14, hi, hi

// OUT writes one row of 16 results: the two accumulators times row scale times column scales, plus bias.
#define OUT(row, lo, hi) \
	VBROADCASTSS (row*4)(R10), Y14  \
	VCVTDQ2PS    lo, lo             \
	VCVTDQ2PS    hi, hi             \
	VMULPS       Y12, Y14, Y15      \
	VMULPS       Y13, Y14, Y14      \
	VFMADD213PS  (R12), Y15, lo     \
	VFMADD213PS  32(R12), Y14, hi   \
	VMOVUPS      lo, (DX)           \
	VMOVUPS      hi, 32(DX)         \
	ADDQ         BX, DX

// func gemmAVX2(a *int16, aStride int, w *int16, pairs int, rowScale, colScale, bias, c *float32, cStride int)
TEXT ·gemmAVX2(SB), NOSPLIT, $0-72
	MOVQ  a+0(FP), SI
	MOVQ  aStride+8(FP), R8
	SHLQ  $1, R8
	MOVQ  w+16(FP), DI
	MOVQ  pairs+24(FP), CX
	MOVQ  rowScale+32(FP), R10
	MOVQ  colScale+40(FP), R11
	MOVQ  bias+48(FP), R12
	MOVQ  c+56(FP), DX
	MOVQ  cStride+64(FP), BX
	SHLQ  $2, BX
	LEAQ  (SI)(R8*2), R9
	ADDQ  R8, R9
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11

gemmloop:
	VMOVDQU (DI), Y12
	VMOVDQU 32(DI), Y13
	MADD((SI), Y0, Y1)
	MADD((SI)(R8*1), Y2, Y3)
	MADD((SI)(R8*2), Y4, Y5)
	MADD((R9), Y6, Y7)
	MADD((R9)(R8*1), Y8, Y9)
	MADD((R9)(R8*2), Y10, Y11)
	ADDQ    $4, SI
	ADDQ    $4, R9
	ADDQ    $64, DI
	DECQ    CX
	JNZ     gemmloop

	VMOVUPS (R11), Y12
	VMOVUPS 32(R11), Y13
	OUT(0, Y0, Y1)
	OUT(1, Y2, Y3)
	OUT(2, Y4, Y5)
	OUT(3, Y6, Y7)
	OUT(4, Y8, Y9)
	OUT(5, Y10, Y11)
	VZEROUPPER
	RET

#define FMA2(addr, lo, hi) \
	VBROADCASTSS addr, Y14    \
	VFMADD231PS  Y12, Y14, lo \
	VFMADD231PS  Y13, Y14, hi

#define STORE2(lo, hi) \
	VMOVUPS lo, (DX)   \
	VMOVUPS hi, 32(DX) \
	ADDQ    BX, DX

// func matMulAVX2(a *float32, aStride int, b *float32, bStride, k int, c *float32, cStride int)
TEXT ·matMulAVX2(SB), NOSPLIT, $0-56
	MOVQ  a+0(FP), SI
	MOVQ  aStride+8(FP), R8
	SHLQ  $2, R8
	MOVQ  b+16(FP), DI
	MOVQ  bStride+24(FP), R11
	SHLQ  $2, R11
	MOVQ  k+32(FP), CX
	MOVQ  c+40(FP), DX
	MOVQ  cStride+48(FP), BX
	SHLQ  $2, BX
	LEAQ  (SI)(R8*2), R9
	ADDQ  R8, R9
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11

matloop:
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	FMA2((SI), Y0, Y1)
	FMA2((SI)(R8*1), Y2, Y3)
	FMA2((SI)(R8*2), Y4, Y5)
	FMA2((R9), Y6, Y7)
	FMA2((R9)(R8*1), Y8, Y9)
	FMA2((R9)(R8*2), Y10, Y11)
	ADDQ    $4, SI
	ADDQ    $4, R9
	ADDQ    R11, DI
	DECQ    CX
	JNZ     matloop

	STORE2(Y0, Y1)
	STORE2(Y2, Y3)
	STORE2(Y4, Y5)
	STORE2(Y6, Y7)
	STORE2(Y8, Y9)
	STORE2(Y10, Y11)
	VZEROUPPER
	RET

// func expSumAVX2(x *float32, n int) float32
TEXT ·expSumAVX2(SB), NOSPLIT, $32-20
	MOVQ    x+0(FP), SI
	MOVQ    n+8(FP), CX
	MOVQ    SI, DI
	MOVQ    CX, DX
	VMOVUPS (SI), Y0

maxloop:
	VMAXPS (DI), Y0, Y0
	ADDQ   $32, DI
	SUBQ   $8, DX
	JNZ    maxloop

	VPERM2F128 $1, Y0, Y0, Y1
	VMAXPS     Y1, Y0, Y0
	VPERMILPS  $0x4e, Y0, Y1
	VMAXPS     Y1, Y0, Y0
	VPERMILPS  $0xb1, Y0, Y1
	VMAXPS     Y1, Y0, Y3
	EXPCONSTS
	VPXOR      Y0, Y0, Y0
	VMOVUPS    Y3, top-32(SP)

exploop:
	VMOVUPS (SI), Y1
	VSUBPS  top-32(SP), Y1, Y1
	EXP(Y1, Y2, Y3)
	VMOVUPS Y1, (SI)
	VADDPS  Y1, Y0, Y0
	ADDQ    $32, SI
	SUBQ    $8, CX
	JNZ     exploop

	HSUM
	VMOVSS     X0, ret+16(FP)
	VZEROUPPER
	RET

// func geluAVX2(x *float32, n int)
TEXT ·geluAVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	EXPCONSTS

geluloop:
	// Y0 = z = |x|/sqrt(2)
	CONST(48, Y1)
	VANDPS (SI), Y1, Y0
	CONST(52, Y1)
	VMULPS Y1, Y0, Y0

	// Y1 = -z*z, then its exp
	VMULPS Y0, Y0, Y1
	VXORPS Y2, Y2, Y2
	VSUBPS Y1, Y2, Y1
	EXP(Y1, Y2, Y3)

	// Y0 = t = 1/(1+0.3275911 z)
	CONST(56, Y2)
	VFMADD213PS Y4, Y2, Y0
	VDIVPS      Y0, Y4, Y0

	// Y2 = polynomial in t, times t, times exp
	CONST(60, Y2)
	CONST(64, Y3)
	VFMADD213PS  Y3, Y0, Y2
	CONST(68, Y3)
	VFMADD213PS  Y3, Y0, Y2
	CONST(72, Y3)
	VFMADD213PS  Y3, Y0, Y2
	CONST(76, Y3)
	VFMADD213PS  Y3, Y0, Y2
	VMULPS       Y0, Y2, Y2
	VFNMADD213PS Y4, Y1, Y2 // erf of |x|/sqrt(2) = 1 - Y2*Y1

	// the sign of x
	VMOVUPS (SI), Y0
	CONST(48, Y3)
	VANDNPS Y0, Y3, Y3
	VORPS   Y3, Y2, Y2

	// 0.5 x (1+erf)
	VADDPS  Y4, Y2, Y2
	VMULPS  Y15, Y0, Y0
	VMULPS  Y2, Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ    $32, SI
	SUBQ    $8, CX
	JNZ     geluloop
	VZEROUPPER
	RET

// func addNormAVX2(x, r, gamma, beta *float32, n int, perElement float32)
TEXT ·addNormAVX2(SB), NOSPLIT, $0-44
	MOVQ         x+0(FP), SI
	MOVQ         r+8(FP), DI
	MOVQ         gamma+16(FP), R8
	MOVQ         beta+24(FP), R9
	MOVQ         n+32(FP), CX
	VBROADCASTSS perElement+40(FP), Y7
	SHLQ         $2, CX
	VPXOR        Y0, Y0, Y0
	XORQ         DX, DX

addloop:
	VMOVUPS (SI)(DX*1), Y1
	VADDPS  (DI)(DX*1), Y1, Y1
	VMOVUPS Y1, (SI)(DX*1)
	VADDPS  Y1, Y0, Y0
	ADDQ    $32, DX
	CMPQ    DX, CX
	JLT     addloop

	HSUM
	VBROADCASTSS X0, Y6
	VMULPS       Y7, Y6, Y6 // mean
	VPXOR        Y0, Y0, Y0
	XORQ         DX, DX

varloop:
	VMOVUPS     (SI)(DX*1), Y1
	VSUBPS      Y6, Y1, Y1
	VFMADD231PS Y1, Y1, Y0
	ADDQ        $32, DX
	CMPQ        DX, CX
	JLT         varloop

	HSUM
	VBROADCASTSS X0, Y0
	CONST(80, Y5)
	VFMADD213PS Y5, Y7, Y0
	VSQRTPS     Y0, Y0
	CONST(40, Y5)
	VDIVPS      Y0, Y5, Y5 // 1/sd
	XORQ        DX, DX

normloop:
	VMOVUPS     (SI)(DX*1), Y1
	VSUBPS      Y6, Y1, Y1
	VMULPS      Y5, Y1, Y1
	VMOVUPS     (R8)(DX*1), Y2
	VFMADD213PS (R9)(DX*1), Y2, Y1
	VMOVUPS     Y1, (SI)(DX*1)
	ADDQ        $32, DX
	CMPQ        DX, CX
	JLT         normloop
	VZEROUPPER
	RET

// func absMaxAVX2(x *float32, n int) float32
TEXT ·absMaxAVX2(SB), NOSPLIT, $0-20
	MOVQ  x+0(FP), SI
	MOVQ  n+8(FP), CX
	VPXOR Y0, Y0, Y0
	CONST(48, Y2)

absloop:
	VANDPS (SI), Y2, Y1
	VMAXPS Y1, Y0, Y0
	ADDQ   $32, SI
	SUBQ   $8, CX
	JNZ    absloop

	VPERM2F128 $1, Y0, Y0, Y1
	VMAXPS     Y1, Y0, Y0
	VPERMILPS  $0x4e, Y0, Y1
	VMAXPS     Y1, Y0, Y0
	VPERMILPS  $0xb1, Y0, Y1
	VMAXPS     Y1, Y0, Y0
	VMOVSS     X0, ret+16(FP)
	VZEROUPPER
	RET

// func quantiseAVX2(x *float32, n int, factor float32, out *int16)
TEXT ·quantiseAVX2(SB), NOSPLIT, $0-32
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS factor+16(FP), Y2
	MOVQ         out+24(FP), DI

quantloop:
	VMULPS    (SI), Y2, Y0
	VMULPS    32(SI), Y2, Y1
	VCVTPS2DQ Y0, Y0
	VCVTPS2DQ Y1, Y1
	VPACKSSDW Y1, Y0, Y0
	VPERMQ    $0xd8, Y0, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       quantloop
	VZEROUPPER
	RET

// func dotsAVX2(q *int16, n int, v *int8, out *int32, count int)
TEXT ·dotsAVX2(SB), NOSPLIT, $0-40
	MOVQ q+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ v+16(FP), DI
	MOVQ out+24(FP), DX
	MOVQ count+32(FP), BX

vecloop:
	VPXOR Y0, Y0, Y0
	XORQ  R8, R8

dotloop:
	VPMOVSXBW (DI)(R8*1), Y1
	VPMADDWD  (SI)(R8*2), Y1, Y1
	VPADDD    Y1, Y0, Y0
	ADDQ      $16, R8
	CMPQ      R8, CX
	JLT       dotloop

	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPHADDD      X0, X0, X0
	VPHADDD      X0, X0, X0
	VMOVD        X0, (DX)
	ADDQ         $4, DX
	ADDQ         CX, DI
	DECQ         BX
	JNZ          vecloop
	VZEROUPPER
	RET
