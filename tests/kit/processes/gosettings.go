package processes

// GoSettings are what the template's functions tell Go, as KEY=value. TestTemplateFitsTheCode compares them.
var GoSettings = []string{"GOMAXPROCS=1", "GODEBUG=schedtrace=2147483647"}
