package admin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// watched is an application with the Admin UI's namespace, on a clock by hand.
type watched struct {
	*socketiotest.Server
	t     *testing.T
	io    *socketio.Server
	clock *fakeclock.Clock
	calls *calls
	slow  *slow
	pages *pages
}

// begun is when the clock begins.
var begun = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, o admin.Options, register ...func(io *socketio.Server)) *watched {
	t.Helper()
	return openWith(t, o, socketio.Options{}, register...)
}

func openWith(t *testing.T, o admin.Options, of socketio.Options, register ...func(io *socketio.Server)) *watched {
	t.Helper()
	w := &watched{t: t, io: socketio.New(of), clock: fakeclock.New(begun), calls: &calls{}}
	n := w.io.Of("/")
	n.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
	n.On("leave", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Leave(ctx, room) })
	n.On("say", func(ctx context.Context, s *socketio.Socket, what any) (string, error) {
		return "said", w.io.Emit(ctx, "said", what)
	})
	n.On("name", func(ctx context.Context, s *socketio.Socket, name string) error {
		return socketio.UpdateData(ctx, s, func(d *map[string]string) error { *d = map[string]string{"name": name}; return nil })
	})
	for _, f := range register {
		f(w.io)
	}
	if err := admin.Instrument(w.io, o); err != nil {
		t.Fatal(err)
	}
	w.Server = socketiotest.New(t, w.io, socketiotest.Options{
		Engine: engine.Options{Clock: w.clock},
		Wrap: func(b socketio.Backend) socketio.Backend {
			w.calls.Store, w.calls.Timers = b.Notes, b.Timers
			w.slow = &slow{Store: b.Sessions, clock: w.clock}
			w.pages = &pages{Store: b.Rooms}
			b.Notes, b.Timers, b.Sessions, b.Rooms = w.calls, w.calls, w.slow, w.pages
			return b
		},
	})
	return w
}

// later moves the clock on and lets what is due run.
func (w *watched) later(d time.Duration) {
	w.clock.Advance(d)
	w.Settle()
}

// event is one that a page has got.
type event struct {
	name string
	args []any
}

// read returns all events that a page has got. It makes one more, to know the last.
func (w *watched) read(page *socketiotest.Client) (events []event) {
	w.t.Helper()
	if err := w.io.Of("/admin").To(page.ID()).Emit(w.t.Context(), "end"); err != nil {
		w.t.Fatal(err)
	}
	for {
		name, args := page.Next()
		if name == "end" {
			return events
		}
		events = append(events, event{name, args})
	}
}

// got is read without server_stats.
func (w *watched) got(page *socketiotest.Client) []event {
	w.t.Helper()
	return slices.DeleteFunc(w.read(page), func(e event) bool { return e.name == "server_stats" })
}

// stats is read, of server_stats alone.
func (w *watched) stats(page *socketiotest.Client) (all []map[string]any) {
	w.t.Helper()
	for _, e := range w.read(page) {
		if e.name == "server_stats" {
			all = append(all, e.args[0].(map[string]any))
		}
	}
	return all
}

func names(events []event) (all []string) {
	for _, e := range events {
		all = append(all, e.name)
	}
	return all
}

var openToAll = admin.Options{InsecureNoAuth: true}

func hash(t *testing.T, password string) string {
	t.Helper()
	b, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAPageIsLetInByPasswordThenBySession(t *testing.T) {
	for _, version := range []string{"$2a$", "$2b$", "$2y$"} {
		w := open(t, admin.Options{Username: "ops", PasswordHash: version + strings.TrimPrefix(hash(t, "secret"), "$2a$")})
		for _, wrong := range []any{
			nil, map[string]any{"username": "ops", "password": "Secret"}, map[string]any{"username": "Ops", "password": "secret"},
			map[string]any{"sessionId": "0123456789abcdef"}, map[string]any{"sessionId": nil, "username": 1, "password": []any{}}, map[string]any{"sessionId": ""},
		} {
			if err := w.ConnectError("/admin", socketiotest.Auth(wrong)); err.Message != "invalid credentials" {
				t.Errorf("%v: %v", wrong, err)
			}
		}
		page := w.Connect("/admin", socketiotest.Auth(map[string]any{"username": "ops", "password": "secret"}))
		name, args := page.Next()
		session, _ := args[0].(string)
		if name != "session" || len(session) != 16 || strings.Trim(session, "0123456789abcdef") != "" {
			t.Fatalf("%s %v", name, args)
		}
		again := w.Connect("/admin", socketiotest.Auth(map[string]any{"sessionId": session}))
		if name, _ := again.Next(); name != "config" {
			t.Errorf("a page with a session got %s first", name)
		}
		again.Close()
		page.Close()
		w.clock.Advance(24*time.Hour - time.Millisecond)
		w.Connect("/admin", socketiotest.Auth(map[string]any{"sessionId": session})).Close()
		w.clock.Advance(time.Millisecond)
		w.ConnectError("/admin", socketiotest.Auth(map[string]any{"sessionId": session}))
		w.later(time.Minute)
	}
}

func TestAFailedLoginIsALineInTheLog(t *testing.T) {
	logs := &records{}
	w := openWith(t, admin.Options{Username: "ops", PasswordHash: hash(t, "secret")}, socketio.Options{Logger: slog.New(logs)})
	fail := func(name string) {
		w.ConnectError("/admin", socketiotest.Auth(map[string]any{"username": name, "password": "my dog"}))
	}
	w.ConnectError("/admin", socketiotest.Auth(map[string]any{"sessionId": "0123456789abcdef"})) // one that has ended
	for range 5 {
		fail("ops")
		fail("my cat")
	}
	w.clock.Advance(time.Minute)
	fail("ops")
	lines := logs.lines("a login at the Admin UI failed")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], " count=1") || !strings.HasSuffix(lines[1], " count=10") || strings.Contains(fmt.Sprint(logs.lines("")), "my ") {
		t.Errorf("%q", logs.lines(""))
	}
}

func TestAChangedPasswordEndsSessions(t *testing.T) {
	before := admin.Options{Username: "ops", PasswordHash: hash(t, "secret")}
	w := open(t, before)
	page := w.Connect("/admin", socketiotest.Auth(map[string]any{"username": "ops", "password": "secret"}))
	_, args := page.Next()
	kept := w.calls.Store // the deployment's, after an update of its parameters
	for what, c := range map[string]struct {
		o    admin.Options
		isIn bool
	}{
		"nothing is": {before, true}, "the password is": {admin.Options{Username: "ops", PasswordHash: hash(t, "other")}, false},
		"the name is": {admin.Options{Username: "eve", PasswordHash: before.PasswordHash}, false},
	} {
		w := open(t, c.o)
		w.calls.Store = kept
		auth := socketiotest.Auth(map[string]any{"sessionId": args[0]})
		if c.isIn {
			w.Connect("/admin", auth)
		} else if err := w.ConnectError("/admin", auth); err.Message != "invalid credentials" {
			t.Errorf("%s changed: %v", what, err)
		}
	}
}

func TestOptionsThatCannotWorkAreErrors(t *testing.T) {
	for want, o := range map[string]admin.Options{
		"set Username and PasswordHash":      {},
		"set Username and PasswordHash, or ": {Username: "ops"},
		"lets everybody in":                  {InsecureNoAuth: true, Username: "ops"},
		"PasswordHash is not bcrypt's":       {Username: "ops", PasswordHash: "secret"},
		"write development or production":    {InsecureNoAuth: true, Mode: "prod"},
	} {
		if err := admin.Instrument(socketio.New(socketio.Options{}), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestATickThatCannotBeReadComesOnce(t *testing.T) {
	w := open(t, admin.Options{InsecureNoAuth: true})
	if err := testparts.Engine(w.Server).Job(t.Context(), []byte(`{"kind":"work","id":"x","work":{"watched":{"tick":5}}}`)); !errors.Is(err, engine.ErrNotAJob) {
		t.Error(err)
	}
}

// TestAHashThatIsNoneSaysWhatHasBecomeOfIt has hashes as a shell and others make them.
func TestAHashThatIsNoneSaysWhatHasBecomeOfIt(t *testing.T) {
	const good = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
	shell := func(word string) string {
		out, err := exec.Command("sh", "-c", "printf %s "+word).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for hash, want := range map[string]string{
		shell(`"` + good + `"`):                    "it has no $: is it the password itself, or has a shell replaced each $ and what follows? Put the hash into single quotes",
		shell(`"\$2y\$10` + good[6:] + `"`):        "it has 6 characters: has a shell cut it at a $? Put it into single quotes",
		"secret":                                   "is it the password itself",
		"ops:" + good:                              "only what is after the colon is the hash",
		":" + good + "\n":                          "it has quotes or spaces around it",
		good + "\n":                                "it has quotes or spaces around it",
		"'" + good + "'":                           "it has quotes or spaces around it",
		strings.ReplaceAll(good, "$", "$$"):        "each $ is there twice",
		"$apr1$abcdefgh$abcdefghijklmnopqrstuv":    "htpasswd needs -B for bcrypt",
		"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=":        "htpasswd needs -B for bcrypt",
		"y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLM": "Put the hash into single quotes",
	} {
		err := admin.Instrument(socketio.New(socketio.Options{}), admin.Options{Username: "ops", PasswordHash: hash})
		if err == nil || !strings.HasPrefix(err.Error(), "admin: PasswordHash is not bcrypt's, ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "abcdefgh") {
			t.Errorf("%q: %v, want %q", hash, err, want)
		}
	}
	if err := admin.Instrument(socketio.New(socketio.Options{}), admin.Options{Username: "ops", PasswordHash: shell("'" + good + "'")}); err != nil {
		t.Error(err)
	}
}

func TestFeaturesAreInNodesOrder(t *testing.T) {
	actions := []string{"EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"}
	for _, c := range []struct {
		o    admin.Options
		want []string
	}{
		{admin.Options{}, append(slices.Clone(actions), "AGGREGATED_EVENTS", "ALL_EVENTS")},
		{admin.Options{Mode: admin.Production}, append(slices.Clone(actions), "AGGREGATED_EVENTS")},
		{admin.Options{ReadOnly: true}, []string{"AGGREGATED_EVENTS", "ALL_EVENTS"}},
		{admin.Options{ReadOnly: true, Mode: admin.Production}, []string{"AGGREGATED_EVENTS"}},
	} {
		c.o.InsecureNoAuth = true
		w := open(t, c.o)
		page := w.Connect("/admin")
		page.Expect("config", map[string][]string{"supportedFeatures": c.want})
	}
}

func TestServerStatsComeEveryTwoSeconds(t *testing.T) {
	w := open(t, admin.Options{InsecureNoAuth: true, Mode: admin.Production, ServerID: "chat", PID: 7}, func(io *socketio.Server) { io.Of("/other") })
	ada := w.Connect("/")
	w.Connect("/", socketiotest.Polling())
	page := w.Connect("/admin")
	w.Settle()
	var last map[string]any
	for i := range 5 {
		ada.Emit("say", "hi")
		stats := w.stats(page)
		if len(stats) != 1 {
			t.Fatalf("%d server_stats in tick %d", len(stats), i)
		}
		last = stats[0]
		w.later(2 * time.Second)
	}
	delete(last, "aggregatedEvents")
	want := map[string]any{
		"serverId": "chat", "hostname": "chat", "pid": 7.0, "uptime": 8.0, "clientsCount": 3.0, "pollingClientsCount": 1.0,
		"namespaces": []any{map[string]any{"name": "/", "socketsCount": 2.0}, map[string]any{"name": "/admin", "socketsCount": 1.0}, map[string]any{"name": "/other", "socketsCount": 0.0}},
	}
	if fmt.Sprint(last) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", last, want)
	}
}

// counts adds up the aggregated events of all server_stats that a page has got.
func (w *watched) counts(page *socketiotest.Client) map[string]int {
	w.t.Helper()
	all := map[string]int{}
	for _, stats := range w.stats(page) {
		for _, e := range stats["aggregatedEvents"].([]any) {
			e := e.(map[string]any)
			key := e["type"].(string)
			if sub, ok := e["subType"]; ok {
				key += " " + sub.(string)
			}
			all[key] += int(e["count"].(float64))
		}
	}
	return all
}

func TestAggregatedEventsCountWhatPasses(t *testing.T) {
	w := open(t, admin.Options{InsecureNoAuth: true, Mode: admin.Production})
	ada, bob := w.Connect("/"), w.Connect("/", socketiotest.Polling())
	page := w.Connect("/admin")
	w.later(2 * time.Second)
	w.counts(page)
	w.later(2 * time.Second)
	quiet := w.counts(page) // a server_stats and its own packets
	ada.Emit("say", "hi")   // 42n["say","hi"], and to both 2["said","hi"], and 3n["said"]
	bob.Disconnect()        // the one namespace, and so the connection
	w.later(2 * time.Second)
	w.later(2 * time.Second)
	busy := w.counts(page)
	if quiet["packetsOut"] != 2 || // and what the test reads with
		quiet["packetsIn"] != 0 {
		t.Errorf("with nobody speaking: %v", quiet)
	}
	for key, want := range map[string]int{"packetsIn": 2, "bytesIn": len(`20["say","hi"]`) + 1, "packetsOut": 3 + 2 + 1} {
		if busy[key] != want {
			t.Errorf("%s: %d, want %d: %v", key, busy[key], want, busy)
		}
	}
	w.Connect("/").Close()
	w.later(2 * time.Second)
	w.later(2 * time.Second)
	if ends := w.counts(page); ends["rawConnection"] != 1 || ends["rawDisconnection transport close"] != 1 {
		t.Errorf("%v", ends)
	}
}

// calls counts what the admin's part asks of the table and of the queue.
type calls struct {
	Store   notesStore
	Timers  engine.Timers
	notes   int
	adds    int // of notes, AddCounts
	works   int
	longest int                                         // note, in bytes
	lose    bool                                        // what is scheduled
	early   func(ctx context.Context, job []byte) error // carries a job out before Schedule returns
}

// All processes write to one row, which takes 1,000 writes a second: 500 busy ones have to leave room for as many more.
func TestABusyProcessWritesItsCountsOnceInATick(t *testing.T) {
	w := open(t, admin.Options{InsecureNoAuth: true, Mode: admin.Production})
	ada := w.Connect("/")
	w.Connect("/admin")
	w.Settle()
	w.calls.lose = true // the tick, which takes this process's counts without the table
	before := w.calls.adds
	const seconds, each = 10, 50
	for range seconds * each {
		ada.Emit("say", "hi")
		w.clock.Advance(time.Second / each)
	}
	if n := w.calls.adds - before; n < seconds/2-1 || n > seconds/2+1 {
		t.Errorf("%d writes in %d s", n, seconds)
	}
}

func TestWithNobodyLookingNothingRuns(t *testing.T) {
	w := open(t, openToAll)
	ada := w.Connect("/")
	before := w.calls.works
	for range 100 { // within one second
		ada.Emit("say", "hi")
		w.clock.Advance(10 * time.Millisecond)
	}
	if w.calls.works != before || w.calls.notes != 1 {
		t.Errorf("%d jobs and %d looks at the table, want none and 1", w.calls.works-before, w.calls.notes)
	}
	w.later(time.Hour)
	if w.calls.works != before {
		t.Errorf("%d jobs within an hour", w.calls.works-before)
	}
}

func TestTicksEndByThemselves(t *testing.T) {
	w := open(t, openToAll)
	pages := []*socketiotest.Client{w.Connect("/admin"), w.Connect("/admin")}
	w.Settle()
	per := func(d time.Duration) int {
		before := w.calls.works
		for range d / (2 * time.Second) {
			w.later(2 * time.Second)
		}
		return w.calls.works - before
	}
	if n := per(20 * time.Second); n != 10 {
		t.Errorf("%d ticks in 20 s, want one in 2 s for all pages together", n)
	}
	pages[0].Close()
	if n := per(20 * time.Second); n != 10 {
		t.Errorf("%d ticks in 20 s with one page", n)
	}
	pages[1].Vanish() // without a word: the next post finds out
	per(4 * time.Second)
	if n := per(time.Minute); n != 0 {
		t.Errorf("%d ticks in a minute with no page", n)
	}
	page := w.Connect("/admin")
	if n := per(20 * time.Second); n < 10 {
		t.Errorf("%d ticks in 20 s after a page has come again", n)
	}
	page.Close()
}

func TestALostTickIsBegunAgain(t *testing.T) {
	w := open(t, openToAll)
	page := w.Connect("/admin")
	ada := w.Connect("/")
	w.Settle()
	w.calls.lose = true
	w.later(2 * time.Second) // the job is carried out, and its successor is lost
	w.calls.lose = false
	w.later(30 * time.Second)
	w.got(page)
	ada.Emit("say", "hi") // whoever does something sees it
	w.later(2 * time.Second)
	w.later(2 * time.Second)
	if len(w.stats(page)) == 0 {
		t.Error("no server_stats any more")
	}
}

// A queue may deliver a job before the one who sent it has written the mark.
func TestATickThatComesBeforeItsMarkIsNotLost(t *testing.T) {
	w := open(t, openToAll)
	w.calls.early = func(ctx context.Context, job []byte) error { return testparts.Engine(w.Server).Job(ctx, job) }
	page := w.Connect("/admin")
	n := 0
	for range 30 {
		w.later(time.Second)
		n += len(w.stats(page))
	}
	if n < 9 {
		t.Errorf("%d server_stats in 30 s, want one in three seconds at least", n)
	}
}

func TestAPageSeesWhatHappens(t *testing.T) {
	w := open(t, openToAll)
	ada := w.Connect("/", socketiotest.Header("X-Forwarded-For", "192.0.2.1"), socketiotest.Query("token", "a"))
	ada.Emit("join", "tea")
	page := w.Connect("/admin")
	first := w.got(page)
	if first[0].name != "config" || first[1].name != "all_sockets" {
		t.Fatalf("%v", names(first))
	}
	all := first[1].args[0].([]any)
	row := all[0].(map[string]any)
	if len(all) != 2 || row["id"] != ada.ID() || row["nsp"] != "/" || row["transport"] != "websocket" || len(row["clientId"].(string)) != 12 ||
		fmt.Sprint(row["rooms"]) != fmt.Sprint([]string{ada.ID(), "tea"}) || fmt.Sprint(row["data"]) != "map[]" {
		t.Errorf("%v", all)
	}
	shake := row["handshake"].(map[string]any)
	if shake["address"] != "192.0.2.1" || shake["headers"].(map[string]any)["x-forwarded-for"] != "192.0.2.1" || shake["query"].(map[string]any)["token"] != "a" ||
		shake["issued"] != float64(begun.UnixMilli()) || shake["time"] != "Sun Nov 29 2026 12:00:00 GMT+0000 (Coordinated Universal Time)" {
		t.Errorf("%v", shake)
	}

	bob := w.Connect("/", socketiotest.Polling())
	want := []string{"room_joined", "socket_connected"}
	if events := w.got(page); !slices.Equal(names(events), want) || events[1].args[0].(map[string]any)["transport"] != "polling" {
		t.Errorf("%v", events)
	}
	at := "2026-11-29T12:00:00.000Z"
	expect := func(want ...event) {
		t.Helper()
		events := w.got(page)
		if fmt.Sprint(events) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", events, want)
		}
	}
	bob.Upgrade()
	expect(event{"socket_updated", []any{map[string]any{"id": bob.ID(), "nsp": "/", "transport": "websocket"}}})
	bob.Emit("join", "tea")
	bob.Emit("join", "tea") // it is in: nothing is to be told
	expect(event{"event_received", []any{"/", bob.ID(), []any{"join", "tea"}, at}}, event{"room_joined", []any{"/", "tea", bob.ID(), at}},
		event{"event_received", []any{"/", bob.ID(), []any{"join", "tea"}, at}})
	bob.Emit("leave", "tea")
	expect(event{"event_received", []any{"/", bob.ID(), []any{"leave", "tea"}, at}}, event{"room_left", []any{"/", "tea", bob.ID(), at}})
	bob.Emit("name", "Bob")
	expect(event{"event_received", []any{"/", bob.ID(), []any{"name", "Bob"}, at}},
		event{"socket_updated", []any{map[string]any{"id": bob.ID(), "nsp": "/", "data": map[string]any{"name": "Bob"}}}})
	cyd := w.Connect("/", socketiotest.Polling()) // binary comes over polling
	w.got(page)
	cyd.Emit("say", map[string]any{"file": []byte{1, 2}})
	said := w.got(page)
	slices.SortFunc(said, func(a, b event) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	if !slices.Equal(names(said), []string{"event_received", "event_sent", "event_sent", "event_sent"}) ||
		fmt.Sprint(said[0].args[2]) != "[say map[file:[1 2]]]" || fmt.Sprint(said[3].args[2]) != "[said map[file:[1 2]]]" {
		t.Errorf("%v", said)
	}
	bob.Emit("join", "tea")
	w.got(page)
	bob.Close()
	expect(event{"socket_disconnected", []any{"/", bob.ID(), "transport close", at}},
		event{"room_left", []any{"/", bob.ID(), bob.ID(), at}}, event{"room_left", []any{"/", "tea", bob.ID(), at}})
}

// A sid is as good as a password; Node shows its first 12 characters.
func TestTheSecretSIDIsNotTold(t *testing.T) {
	w := open(t, openToAll)
	page := w.Connect("/admin")
	w.got(page)
	w.Connect("/")
	w.Connect("/", socketiotest.Polling())
	_, store := testparts.Of(w.Server)
	sids := map[string]bool{}
	for shard := range engine.Shards {
		lives, err := store.Lives(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lives {
			row, err := store.Get(t.Context(), l.Address, true)
			if err != nil {
				t.Fatal(err)
			}
			sids[row.SID] = true
		}
	}
	told := fmt.Sprint(w.got(page))
	for sid := range sids {
		if strings.Contains(told, sid[:8]) {
			t.Errorf("%s is in %s", sid, told)
		}
	}
	if len(sids) != 3 || !strings.Contains(told, "clientId") {
		t.Errorf("%d sids, %s", len(sids), told)
	}
}

func TestThePageActs(t *testing.T) {
	w := open(t, openToAll)
	ada, bob := w.Connect("/"), w.Connect("/")
	page := w.Connect("/admin", socketiotest.Polling())
	page.EmitNoAck("join", "/", "tea", ada.ID())
	page.EmitNoAck("emit", "/", "tea", "news", "rain", []byte{1})
	ada.Expect("news", "rain", []byte{1})
	bob.ExpectNothing()
	page.EmitNoAck("emit", "/", nil, "news", 1)
	ada.Expect("news", 1)
	bob.Expect("news", 1)
	page.EmitNoAck("join", "/", "all")
	page.EmitNoAck("leave", "/", "tea", "all")
	page.EmitNoAck("emit", "/", "tea", "news", "nobody hears it")
	ada.ExpectNothing()
	page.EmitNoAck("leave", "/", "all")
	page.EmitNoAck("emit", "/", "all", "news", "nobody hears it")
	bob.ExpectNothing()
	page.EmitNoAck("_disconnect", "/", false, ada.ID())
	if why := ada.Disconnected(); why != "io server disconnect" {
		t.Error(why)
	}
	page.EmitNoAck("_disconnect", "/nothing", false)
	page.EmitNoAck("emit", "/", "tea")
	page.EmitNoAck("emit")
	page.EmitNoAck("_disconnect", "/", true)
	if bob.Disconnected() == "" {
		t.Error("still there")
	}
	if page.Disconnected() != "" {
		t.Error("the page is gone")
	}
}

// What cannot be read as a filter must not stand for everybody.
func TestAFilterIsARoomOrAnArrayOfThem(t *testing.T) {
	logs := &records{}
	w := openWith(t, openToAll, socketio.Options{Logger: slog.New(logs)})
	ada, bob, cyd := w.Connect("/"), w.Connect("/"), w.Connect("/")
	page := w.Connect("/admin", socketiotest.Polling())
	for _, filter := range []any{1, 0, true, false, map[string]any{}, map[string]any{"id": ada.ID()}, []any{}, []any{1}, []any{ada.ID(), 1}, []any{nil}, []any{""}, []any{[]any{ada.ID()}}, []byte{1}} {
		page.EmitNoAck("_disconnect", "/", false, filter)
		page.EmitNoAck("emit", "/", filter, "news")
		page.EmitNoAck("join", "/", "tea", filter)
		page.EmitNoAck("leave", "/", ada.ID(), filter)
	}
	page.EmitNoAck("_disconnect", "/", "false", ada.ID())
	page.EmitNoAck("_disconnect", 1, true)
	page.EmitNoAck("join", "/", 1)
	page.EmitNoAck("emit", "/", "tea", "news")
	for _, c := range []*socketiotest.Client{ada, bob, cyd} {
		if c.Disconnected() != "" {
			t.Fatal("disconnected")
		}
		c.ExpectNothing()
	}
	if n := len(logs.lines("an admin page acts")); n != 1 {
		t.Errorf("%q", logs.lines("an admin page acts"))
	}
	page.EmitNoAck("join", "/", []string{"tea", "cake"}, []string{ada.ID(), bob.ID()})
	page.EmitNoAck("emit", "/", []string{"tea"}, "news", 1)
	ada.Expect("news", 1)
	bob.Expect("news", 1)
	page.EmitNoAck("leave", "/", []string{"cake"}, ada.ID())
	page.EmitNoAck("emit", "/", []string{"cake"}, "news", 2)
	bob.Expect("news", 2)
	ada.ExpectNothing()
	page.EmitNoAck("_disconnect", "/", false, []string{ada.ID(), bob.ID()})
	if ada.Disconnected() == "" || bob.Disconnected() == "" || cyd.Disconnected() != "" {
		t.Errorf("%q, %q, %q", ada.Disconnected(), bob.Disconnected(), cyd.Disconnected())
	}
}

func TestWhatAPageDoesIsInTheLog(t *testing.T) {
	logs := &records{}
	w := openWith(t, openToAll, socketio.Options{Logger: slog.New(logs)})
	ada := w.Connect("/")
	page := w.Connect("/admin", socketiotest.Polling())
	long := strings.Repeat("x", 1000)
	page.EmitNoAck("join", "/", "tea", ada.ID())
	page.EmitNoAck("leave", "/", long)
	page.EmitNoAck("emit", "/", "tea", "news", "a secret")
	page.EmitNoAck("emit", "/nothing", "tea", "news")
	page.EmitNoAck("_disconnect", "/", false, ada.ID())
	page.EmitNoAck("_disconnect", "/", true)
	begin := "an admin page acts page=" + page.ID()
	want := []string{
		begin + " action=join namespace=/ to=" + ada.ID() + " rooms=tea",
		begin + " action=leave namespace=/ to=all rooms=" + long[:200] + "...",
		begin + " action=emit namespace=/ to=tea event=news",
	}
	if got := logs.lines("an admin page acts"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	end := " namespace=/ reason=by the admin page " + page.ID()
	want = []string{"sockets are disconnected to=" + ada.ID() + end, "sockets are disconnected to=all" + end}
	if got := logs.lines("sockets are disconnected"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAReadOnlyPageDoesNothing(t *testing.T) {
	w := open(t, admin.Options{InsecureNoAuth: true, ReadOnly: true})
	ada := w.Connect("/")
	page := w.Connect("/admin")
	page.EmitNoAck("emit", "/", nil, "news", 1)
	page.EmitNoAck("_disconnect", "/", true)
	ada.ExpectNothing()
	if ada.Disconnected() != "" {
		t.Error("disconnected")
	}
}

func TestNamespacesOfClientsMakingAreCountedAndShown(t *testing.T) {
	w := open(t, openToAll, func(io *socketio.Server) {
		io.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/room-") })
	})
	ada := w.Connect("/room-1")
	page := w.Connect("/admin")
	rows := w.got(page)[1].args[0].([]any)
	if len(rows) != 2 || rows[1].(map[string]any)["nsp"] != "/room-1" {
		t.Errorf("%v", rows)
	}
	page.EmitNoAck("emit", "/room-1", nil, "news")
	ada.Expect("news")
}

func TestManySocketsComeInSeveralEvents(t *testing.T) {
	w := open(t, openToAll)
	for range 40 {
		w.Connect("/", socketiotest.Header("User-Agent", strings.Repeat("x", 2000)))
	}
	seen := map[string]bool{}
	for _, e := range w.got(w.Connect("/admin")) {
		rows := []any{e.args[0]}
		if e.name == "all_sockets" {
			if rows = e.args[0].([]any); len(rows) < 10 || len(rows) > 16 {
				t.Errorf("%d sockets in one event", len(rows))
			}
		} else if e.name != "socket_connected" {
			continue
		}
		for _, row := range rows {
			seen[row.(map[string]any)["id"].(string)] = true
		}
	}
	if len(seen) != 41 {
		t.Errorf("%d sockets, want 41", len(seen))
	}
}

// A page begins to poll, and what waits for it is bounded.
func TestAPageThatPollsStaysWithMoreSocketsThanItTakes(t *testing.T) {
	for _, c := range []struct{ clients, agent int }{{300, 1800}, {400, 500}} {
		logs := &records{}
		w := openWith(t, openToAll, socketio.Options{Logger: slog.New(logs)})
		for range c.clients {
			w.Connect("/", socketiotest.Header("User-Agent", strings.Repeat("x", c.agent)))
		}
		page := w.Connect("/admin", socketiotest.Polling())
		events := w.got(page)
		if len(events) < 2 || events[0].name != "config" || events[1].name != "all_sockets" {
			t.Fatalf("%d clients of %d bytes: the page got %.300v", c.clients, c.agent, names(events))
		}
		told := len(events[1].args[0].([]any)) + len(events) - 2
		if out := logs.number("the admin page is not told of all sockets", "left out"); told < 100 || told+out != c.clients+1 {
			t.Errorf("%d clients of %d bytes: told of %d, and the log says that %d were left out", c.clients, c.agent, told, out)
		}
		w.later(2 * time.Second)
		if len(w.stats(page)) == 0 || page.Disconnected() != "" {
			t.Error("the page has ended")
		}
	}
}

// A row of so many rooms is larger than a packet may be.
func TestASocketOfVeryManyRoomsIsLeftOut(t *testing.T) {
	for _, transport := range [][]socketiotest.Option{nil, {socketiotest.Polling()}} {
		logs := &records{}
		w := openWith(t, openToAll, socketio.Options{Logger: slog.New(logs)}, func(io *socketio.Server) {
			io.Of("/").On("many", func(ctx context.Context, s *socketio.Socket) error {
				for i := range 700 {
					if err := s.Join(ctx, fmt.Sprintf("%0244d", i)); err != nil {
						return err
					}
				}
				return nil
			})
		})
		ada, bob := w.Connect("/"), w.Connect("/")
		ada.Emit("many")
		page := w.Connect("/admin", transport...)
		told := fmt.Sprint(w.got(page))
		if strings.Contains(told, ada.ID()) || !strings.Contains(told, bob.ID()) || !strings.Contains(told, page.ID()) {
			t.Errorf("the page is told %.2000s", told)
		}
		if n := logs.number("the admin page is not told of all sockets", "left out"); n != 1 {
			t.Errorf("the log says that %d were left out", n)
		}
		bob.Emit("say", strings.Repeat("x", 128<<10-30)) // what the page would get of it is longer
		if n := logs.number("those who look on are not told", "left out"); n == 0 || page.Disconnected() != "" {
			t.Errorf("the log says that %d events were left out, and the page ended by %q", n, page.Disconnected())
		}
	}
}

// Names of namespaces may be a client's, and JSON makes them six times as long.
func TestStatsComeHoweverLongTheNamesOfNamespacesAre(t *testing.T) {
	logs := &records{}
	w := openWith(t, admin.Options{InsecureNoAuth: true, Mode: admin.Production}, socketio.Options{Logger: slog.New(logs)}, func(io *socketio.Server) {
		io.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/<") })
	})
	for i := range 120 {
		w.Connect(fmt.Sprintf("/%s%03d", strings.Repeat("<", 240), i))
	}
	w.Connect("/")
	w.Connect("/")
	page := w.Connect("/admin")
	w.later(2 * time.Second)
	stats := w.stats(page)
	if len(stats) == 0 {
		t.Fatal("no server_stats")
	}
	shown := stats[len(stats)-1]["namespaces"].([]any)
	if len(shown) < 5 || fmt.Sprint(shown[0]) != "map[name:/ socketsCount:2]" {
		t.Errorf("%v", shown)
	}
	if n := logs.number("the admin page is told of the fullest namespaces only", "left out"); n != 122-len(shown) {
		t.Errorf("the log says that %d were left out, and %d of 122 are shown", n, len(shown))
	}
	if w.calls.longest > 64<<10 {
		t.Errorf("a note of %d bytes", w.calls.longest)
	}
}

// Where OfFunc makes namespaces, counting reads each session, which takes more time than a job has with many of them.
func TestStatsComeThoughCountingTakesTooLong(t *testing.T) {
	logs := &records{}
	w := openWith(t, admin.Options{InsecureNoAuth: true, Mode: admin.Production}, socketio.Options{Logger: slog.New(logs)}, func(io *socketio.Server) {
		io.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/room-") })
	})
	for i := range 40 {
		w.Connect(fmt.Sprint("/room-", i))
	}
	w.slow.read = 500 * time.Millisecond
	page := w.Connect("/admin")
	w.slow.weak.Store(0)
	stats, events := 0, 0
	for range 60 {
		w.later(time.Second)
		for _, s := range w.stats(page) {
			stats++
			events += len(s["aggregatedEvents"].([]any))
		}
	}
	if stats < 20 || events == 0 {
		t.Errorf("%d server_stats with %d counts of events in a minute", stats, events)
	}
	if n := len(logs.lines("the clients could not be counted")); n != 1 || w.slow.weak.Load() > 60 {
		t.Errorf("%d censuses and %d reads in a minute: %q", n, w.slow.weak.Load(), logs.lines(""))
	}
	w.slow.read = 0
	w.later(5 * time.Minute)
	w.later(2 * time.Second)
	all := w.stats(page)
	if n := len(all[len(all)-1]["namespaces"].([]any)); n != 42 {
		t.Errorf("%d namespaces when the table is fast again", n)
	}
}

func TestNoMoreMembersAreReadThanAPageIsToldOf(t *testing.T) {
	w := open(t, openToAll)
	for range 2300 {
		w.Connect("/")
	}
	w.calls.lose = true // the tick, which counts them all
	w.pages.size, w.pages.of = 100, "/"
	page := w.Connect("/admin")
	if n := w.pages.read.Load(); n < 10 || n > 12 {
		t.Errorf("%d pages of 100 members were read to tell of 1,000", n)
	}
	w.pages.size = 0
	events := w.got(page)
	if told := len(events[1].args[0].([]any)) + len(events) - 2; told != 1000 {
		t.Errorf("told of %d", told)
	}
}

// A page that opens while the table is ill is told of those who can be read, and stays.
func TestAPageStaysWhenSocketsCannotBeRead(t *testing.T) {
	logs := &records{}
	w := openWith(t, openToAll, socketio.Options{Logger: slog.New(logs)}, func(io *socketio.Server) { io.Of("/well") })
	ada, bob := w.Connect("/"), w.Connect("/well")
	w.pages.failing = "/"
	page := w.Connect("/admin")
	told := fmt.Sprint(w.got(page))
	if strings.Contains(told, ada.ID()) || !strings.Contains(told, bob.ID()) || page.Disconnected() != "" {
		t.Errorf("the page is disconnected by %q, and told %.300s", page.Disconnected(), told)
	}
	if lines := logs.lines("the admin page is not told of all sockets"); len(lines) != 1 || !strings.Contains(lines[0], "the table is ill") {
		t.Errorf("%q", lines)
	}
	w.pages.failing = ""
	ada.Emit("join", "tea")
	if told := fmt.Sprint(w.got(page)); !strings.Contains(told, "room_joined") {
		t.Errorf("the page is told %.300s", told)
	}
}
