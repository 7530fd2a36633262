package main

// Prices of us-east-1, looked up on this day. No free tier and no volume discount is in them. Other regions cost up to
// a half more.
const pricesOf = "2026-11-22"

// price is what AWS asks for so many of something.
type price struct {
	usd  float64
	per  float64
	unit string

	// listed says that the figure was read on a page of AWS's own. The others are from third parties' copies of it, and
	// agree wherever there were two.
	listed bool
}

var (
	webSocketMessages = price{1.00, 1e6, "M messages", false} // each 32 KiB begun; the steps are AWS's own words
	connectionMinutes = price{0.25, 1e6, "M minutes", false}
	httpRequests      = price{1.00, 1e6, "M requests", false}
	lambdaRequests    = price{0.20, 1e6, "M requests", false}
	lambdaTime        = price{0.0000133334, 1, "GB-s", false} // arm64
	readUnits         = price{0.125, 1e6, "M units", false}   // on demand
	writeUnits        = price{0.625, 1e6, "M units", false}   // on demand
	queueRequests     = price{0.40, 1e6, "M requests", false} // standard queues
	logData           = price{0.50, 1, "GB", false}
	customMetrics     = price{0.30, 1, "metrics", false} // the first 10,000; by the hour in which they have values
	alarmMetrics      = price{0.10, 1, "metrics", false}
	dashboards        = price{3.00, 1, "dashboard", false}
	edgeRequests      = price{1.00, 1e6, "M requests", false} // HTTPS, United States and Europe
	edgeFunctions     = price{0.10, 1e6, "M runs", false}
	edgeData          = price{0.085, 1, "GB", true} // United States and Europe; none from API Gateway to it
	regionData        = price{0.09, 1, "GB", false}
)
