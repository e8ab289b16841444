package function

func jsonFuncs() []Func { return nil }

func jsonUDFs() []UDF { return nil }
