package function

func relevances() []Func { return nil }

func relevanceUDFs() []UDF { return nil }
