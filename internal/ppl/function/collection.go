package function

func collections() []Func { return nil }
