package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

// Options are the settings of an Engine. The zero value of each field means its default.
type Options struct {
	PingInterval   time.Duration // between two pings; default 25 s
	PingTimeout    time.Duration // for the pong to come; default 20 s
	ConnectTimeout time.Duration // for the handler's first entry, else the session is closed; default 45 s; below zero: never
	UpgradeTimeout time.Duration // for an upgrade to be confirmed; default 10 s
	PollWait       time.Duration // that a GET waits for packets; default 20 s, for HTTP APIs end at 30
	MaxAge         time.Duration // of a session, which is then closed; default 12 h. Connections end at 2 h by themselves
	MaxPayload     int           // bytes of a polling request's body, and of a message over WebSocket; default 1e6. Announced to the client
	MaxMessage     int           // bytes of one packet to a client; default 128 KiB, what API Gateway passes on

	// Polls is how many GETs may wait at a time, as the reserved concurrency of the Lambda function that they wait in
	// says. When the sweeps have counted more clients that poll, a GET is answered sooner, so that each gets its turn
	// and nobody holds an invocation for long. Default 0: nobody knows, and each waits for PollWait.
	Polls int
	// ClientRate is how many messages a second one connection may send, over ten seconds: who sends more is
	// disconnected, so that one client does not use up what all may send. Each process counts by itself and adds up to
	// 50 messages at a time, for a write, so that a flood over many processes is seen a little later. Default 100;
	// below zero: no limit.
	ClientRate int

	// BinaryFrames says that the gateway passes binary WebSocket frames both ways. API Gateway does not.
	BinaryFrames bool
	// OrderedFrames says that the gateway runs one invocation at a time per connection, in order of arrival.
	// API Gateway does not. Without it, binary packets of a client over WebSocket are refused.
	OrderedFrames bool
	// BinaryMessages says that each message of a client is binary, as with Socket.IO's msgpack parser. Without
	// BinaryFrames a WebSocket is then for clients alone that send binary as text, with the option forceBase64: others
	// are not offered the upgrade, so that they go on polling, and are refused when they begin with a WebSocket.
	BinaryMessages bool

	// AllowOrigins lists the origins, such as https://chat.example.com, whose pages may connect besides the server's
	// own. "*" allows every site on the web to act with its visitors' cookies: name the origins instead. Pages in apps
	// have origins such as file://, capacitor://localhost or null, which can be named; null is sent by what any site
	// puts into a sandboxed frame, too, so that its pages get no cookies over HTTP.
	//
	// Two origins are the same when host and port are, and the scheme or its WebSocket's: ws counts as http, wss as
	// https, and a port may be left out where it is the scheme's own, 80 or 443. Spaces around an origin and a slash
	// after it do no harm, and an empty one is left out. What no browser sends is an error of New.
	AllowOrigins []string
	// PublicOrigin is the server's own origin where the Host header does not tell it, as behind CloudFront: http or
	// https, and the host. It is read as those in AllowOrigins are. What reaches the server over TLS by the name in
	// its Host header may have that for an origin, too.
	PublicOrigin string

	// Path is where clients find the server; default /socket.io/. The Engine answers requests whatever their path: it
	// is for those who hand them over. Everything below it is the protocol's.
	Path string
	// Transports are those that there are: "polling", "websocket" or, by default, both. A request for another one is
	// refused with "Transport unknown".
	Transports []string
	// NoUpgrades keeps sessions that poll from going over to WebSocket: it is not offered to them, and refused.
	NoUpgrades bool

	// AllowRequest, if not nil, decides who may begin a session, before there is one. It sees the request of the
	// handshake, over either transport; requests of a session are not asked again. An error refuses the request with
	// the status 403 and the code 4: of a *Forbidden the client is told the message, any other error is logged and the
	// client is told "Forbidden". It may be called concurrently, and the client waits for it.
	AllowRequest func(ctx context.Context, r Request) error `json:"-"`
	// InitialHeaders, if not nil, adds headers, such as a Set-Cookie, to the answer that begins a session, and Headers
	// after it to that and to each answer of the protocol, refusals and preflights left out. h has what is there
	// already. A handshake over WebSocket asks them too, but API Gateway passes no headers of its answer on that they
	// could add. They may be called concurrently. When one panics, or adds what no header can be, that is logged, and
	// the answer is as it was.
	InitialHeaders, Headers func(ctx context.Context, r Request, h http.Header) `json:"-"`

	// HandlersElsewhere says that the Handler is not the application's: this process only sends. A session that it has
	// to close is closed at once, and cleaned up by a job, in a process that has the application's Handler.
	HandlersElsewhere bool

	// Watch, if not nil, is told what the Engine does.
	Watch Watch `json:"-"`

	Meter observe.Meter `json:"-"` // takes the figures of what happens; default: nobody does
	// Tracer makes spans of store calls and posts, and those built on the engine make them of invocations and handlers;
	// default: nobody does.
	Tracer observe.Tracer `json:"-"`
	Clock  Clock          // default: the system's
	Rand   io.Reader      // source of session ids, safe for concurrent use; default: crypto/rand
	Logger *slog.Logger   // default: slog.Default()
}

// Engine handles requests, frames and jobs of all sessions. Make one with New.
type Engine struct {
	store   Store
	poster  Poster
	timers  Timers
	handler Handler
	opt     Options
	origins origins
	lanes   lanes
	opening openings
	met     meetings
	rates   rates
	hints   hints

	unblocking bool    // poster is
	watched    Watched // nil: a GET that waits reads again

	posting posting
	ending  atomic.Pointer[context.Context] // that of Ending
}

// New returns an Engine on a store, or an error that names the option to change. Calls of the store that fail with a
// temporary error are tried again, as Retry describes.
func New(store Store, poster Poster, timers Timers, handler Handler, o Options) (*Engine, error) {
	defaults := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	defaults(&o.PingInterval, 25*time.Second)
	defaults(&o.PingTimeout, 20*time.Second)
	defaults(&o.ConnectTimeout, 45*time.Second)
	defaults(&o.UpgradeTimeout, 10*time.Second)
	defaults(&o.PollWait, 20*time.Second)
	defaults(&o.MaxAge, 12*time.Hour)
	if o.MaxPayload == 0 {
		o.MaxPayload = 1e6
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 128 << 10
	}
	if o.ClientRate == 0 {
		o.ClientRate = 100
	}
	o.ClientRate = min(o.ClientRate, maxClientRate)
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = observe.Logger(o.Logger)
	if o.Meter == nil {
		o.Meter = observe.Discard
	}
	if o.Tracer == nil {
		o.Tracer = observe.Untraced
	}
	if err := o.checkNumbers(); err != nil {
		return nil, err
	}
	transports, err := parseTransports(o.Transports)
	if err != nil {
		return nil, err
	}
	o.Transports = transports
	if o.Path, err = parsePath(o.Path); err != nil {
		return nil, err
	}
	origins, err := parseOrigins(o.AllowOrigins, o.PublicOrigin)
	if err != nil {
		return nil, err
	}
	e := &Engine{timers: timers, handler: handler, opt: o, origins: origins}
	_, e.unblocking = poster.(Unblocking)
	if o.Tracer != observe.Untraced {
		poster = &tracedPoster{poster, o.Tracer}
	}
	e.poster = &observed{poster, o.Meter, o.Logger, o.Clock}
	e.watched, _ = store.(Watched)
	e.store = &retrying{store, e.Retry}
	if o.Tracer != observe.Untraced {
		e.store = &traced{e.store, o.Tracer}
	}
	e.rates.init(o.ClientRate)
	return e, nil
}

// Options returns the options with their defaults filled in.
func (e *Engine) Options() Options { return e.opt }

// invocationTime is how long an invocation that has begun something may still be at it. After that, whoever finds it
// unfinished goes on.
const invocationTime = time.Minute

// maxDelay is the longest that Timers are asked for.
const maxDelay = 15 * time.Minute

// tombstone is how long the rows of a session that is no more stay: for requests that are still on their way, and for
// the sweeps that finish what a crash has left.
func (e *Engine) tombstone() time.Duration { return 5*time.Minute + 3*e.opt.PingInterval }

func (e *Engine) now() time.Time { return e.opt.Clock.Now().Truncate(time.Millisecond) }

// sleep waits for d, or until ctx ends and then returns its error.
func (e *Engine) sleep(ctx context.Context, d time.Duration) error { return e.sleepUnless(ctx, d, nil) }

// sleepUnless is sleep, and ends with a channel that is closed meanwhile.
func (e *Engine) sleepUnless(ctx context.Context, d time.Duration, closed <-chan struct{}) error {
	over := make(chan struct{})
	stop := e.opt.Clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// within returns a context that ends after d, or with ctx. The caller has to call cancel.
func (e *Engine) within(ctx context.Context, d time.Duration) (limited context.Context, cancel func()) {
	limited, end := context.WithCancelCause(ctx)
	stop := e.opt.Clock.AfterFunc(d, func() { end(context.DeadlineExceeded) })
	return limited, func() {
		stop()
		end(nil)
	}
}

// aPost returns the context of one call of the poster. The caller has to call cancel.
func (e *Engine) aPost(ctx context.Context) (limited context.Context, cancel func()) {
	if e.unblocking {
		return ctx, func() {}
	}
	return e.within(ctx, postTimeout)
}

// Outlive returns a context for what a Handler has to finish or undo although the invocation's time is over: ctx
// itself while it has not ended, else one that ends soon, and leaves the engine time to close what could not be
// finished. The caller has to call cancel.
func (e *Engine) Outlive(ctx context.Context) (limited context.Context, cancel func()) {
	return e.beyond(ctx, reserve/2)
}

// outlive returns a context for what the engine has to try although the invocation's own time is over.
func (e *Engine) outlive(ctx context.Context) (context.Context, func()) {
	return e.beyond(ctx, reserve)
}

// beyond returns ctx itself while it has not ended, else a context that ends after so much of the reserve, which is
// one for all that an invocation does after its time.
func (e *Engine) beyond(ctx context.Context, most time.Duration) (context.Context, func()) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return e.within(context.WithoutCancel(ctx), min(most, e.left(ctx)+most))
}

// left returns how much time an invocation has, which is less than nothing in its reserve; an hour when nobody knows.
func (e *Engine) left(ctx context.Context) time.Duration {
	if v, ok := ctx.Value(invocationKey{}).(*Invocation); ok && v.e == e { // ctx may end before
		ctx = v.ctx
	}
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Sub(e.opt.Clock.Now())
	}
	return time.Hour
}

// sidBytes is the number of random bytes in a session id, a multiple of three: so that every text of the right length
// and alphabet is one.
const sidBytes = 18

// isSID reports whether a client's text can be a session id. What cannot be one is unknown before the store is asked,
// which refuses keys of 2,048 bytes and more.
func isSID(sid string) bool {
	if len(sid) != base64.RawURLEncoding.EncodedLen(sidBytes) {
		return false
	}
	return !strings.ContainsFunc(sid, func(c rune) bool { return !inSID(c) })
}

// inSID reports whether session ids have a character.
func inSID(c rune) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// newSID returns a session id of 144 random bits.
func (e *Engine) newSID() (string, error) {
	var b [sidBytes]byte
	if _, err := io.ReadFull(e.opt.Rand, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// newOp returns the id of one operation, by which a retry recognises its own write: 12 characters, as rows keep many.
func (e *Engine) newOp() string {
	var b [9]byte
	if _, err := io.ReadFull(e.opt.Rand, b[:]); err != nil {
		_, _ = rand.Read(b[:]) // the injected source has ended; an id has to be unique, not repeatable
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}
