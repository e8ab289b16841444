package jsonscan

// Fields walks the members of the object that is next. each is called behind the colon and must consume the value; key is valid
// until then.
func (s *Scanner) Fields(each func(key []byte) error) error {
	if err := s.Enter(); err != nil {
		return err
	}
	if err := s.Expect('{'); err != nil {
		return err
	}
	if s.Accept('}') {
		s.Leave()
		return nil
	}
	for {
		key, err := s.String()
		if err != nil {
			return err
		}
		if err := s.Expect(':'); err != nil {
			return err
		}
		if err := each(key); err != nil {
			return err
		}
		if !s.Accept(',') {
			s.Leave()
			return s.Expect('}')
		}
	}
}

// Each walks the elements of the array that is next; each must consume one element.
func (s *Scanner) Each(each func() error) error {
	if err := s.Enter(); err != nil {
		return err
	}
	if err := s.Expect('['); err != nil {
		return err
	}
	if s.Accept(']') {
		s.Leave()
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if !s.Accept(',') {
			s.Leave()
			return s.Expect(']')
		}
	}
}

// AppendQuoted appends text as a JSON string.
func AppendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}
