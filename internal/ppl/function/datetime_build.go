package function

func dateBuilders() []Func { return nil }

func dateArithmetic() []Func { return nil }

func dateFormats() []Func { return nil }

func clocks() []Func { return nil }

func relative(op string) func(*Call) (Value, error) { return nil }

func dateUDFs() []UDF { return nil }

func ctime(c *Call) (Value, error) { return Value{}, nil }

func mktime(c *Call) (Value, error) { return Value{}, nil }
