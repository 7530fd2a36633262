//go:build full

package histories

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// table is what a scan found, by what docs/data-model.md draws.
type table struct {
	sessions map[string]string // address of those that are neither closed nor moved, with their sid
	lives    []string          // addresses
	timers   int
	everyone map[string]string // "namespace socket" and address
	lists    map[string]bool   // "namespace socket room"
	rooms    map[string]string // the same, and address
	entries  map[string]bool   // "namespace socket" of all that any session knows, closed or not
	knowing  map[string]bool   // addresses of sessions that know any
	tombs    int               // tombstones
}

func text(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberB:
		return base64.RawURLEncoding.EncodeToString(v.Value)
	}
	return ""
}

// scan reads the whole table.
func scan(ctx context.Context, client *dynamodb.Client, name string) (*table, error) {
	t := &table{sessions: map[string]string{}, everyone: map[string]string{}, lists: map[string]bool{}, rooms: map[string]string{}, entries: map[string]bool{}, knowing: map[string]bool{}}
	yes := true
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &name, ConsistentRead: &yes})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Items {
			p, s := text(row["p"]), text(row["s"])
			switch p[0] {
			case 'S':
				t.knowing[p[1:]] = t.knows(row["e"])
				if state := text(row["y"]); state == "c" || state == "m" {
					t.tombs++
				} else {
					t.sessions[p[1:]] = text(row["i"])
				}
			case 'H':
				t.tombs++ // sealed, and without a key once the session is closed
			case 'Q':
				t.tombs++ // packets of an outbox, of use to who takes the reference to them, until they expire
			case 'L':
				t.lives = append(t.lives, s)
			case 'T':
				t.timers++
			case 'A':
				if row["a"] == nil {
					t.tombs++
				} else {
					t.everyone[p[1:]+" "+s] = text(row["a"])
				}
			case 'K':
				if row["i"] == nil {
					t.tombs++
					continue
				}
				socket, namespace, _ := strings.Cut(p[1:], "#")
				t.lists[namespace+" "+socket+" "+s] = true
			case 'R':
				room, socket, _ := strings.Cut(s, "#")
				if row["a"] == nil {
					t.tombs++
				} else {
					t.rooms[p[2:]+" "+socket+" "+room] = text(row["a"])
				}
			default:
				return nil, fmt.Errorf("a row with the key %q %q", p, s)
			}
		}
	}
	return t, nil
}

// knows notes the sockets that a session knows: pkg/socketio has their id after a letter.
// It reports whether there are any.
func (t *table) knows(entries types.AttributeValue) bool {
	m, ok := entries.(*types.AttributeValueMemberM)
	if !ok { // a tombstone of a session that never was
		return false
	}
	for namespace, e := range m.Value {
		if b, ok := e.(*types.AttributeValueMemberB); ok && len(b.Value) > 20 {
			t.entries[namespace+" "+string(b.Value[1:21])] = true
		}
	}
	return len(m.Value) > 0
}

// compare says where a table differs from what the clients that are alive account for. Crashed are the rows that
// docs/data-model.md leaves to their time to live when a process dies: a session without a liveness row, of which no
// client knows; a membership of a socket that no session knows; and one that was being made when its session was
// closed.
func (t *table) compare(kept []*client, ended map[string]membership) (all, crashed []string) {
	differs := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	address := map[string]string{} // by sid
	for a, sid := range t.sessions {
		if address[sid] != "" {
			differs("two sessions with the sid %s: %s and %s", sid, a, address[sid])
		}
		address[sid] = a
	}
	lives := slices.Sorted(slices.Values(t.lives))
	everyone, rooms := map[string]bool{}, map[string]bool{}
	owned := map[string]string{}
	for _, c := range kept {
		a := address[c.sid]
		if a == "" {
			differs("%s lives and has no session: sid %s", c.name, c.sid)
			continue
		}
		owned[a] = c.sid
		if _, found := slices.BinarySearch(lives, a); !found {
			differs("%s has no liveness row %s", c.name, a)
		}
		c.mu.Lock()
		for namespace, s := range c.sockets {
			key := namespace + " " + s.id
			everyone[key] = true
			if t.everyone[key] != a {
				differs("%s is at %q in everyone's room of %s, and its session at %s", s.id, t.everyone[key], namespace, a)
			}
			for room := range s.rooms {
				row := key + " " + room
				in, known := s.member(room)
				switch {
				case t.lists[row] != (t.rooms[row] != "") && (known || !t.lists[row]): // an attempt to join may leave a list row
					differs("%s: list row %t, room row %q: %s", row, t.lists[row], t.rooms[row], s.life(room))
				case known && in != t.lists[row]:
					differs("%s: a member %t, in the table %t: %s", row, in, t.lists[row], s.life(room))
				case t.lists[row] && t.rooms[row] != a:
					differs("%s is at %s, and its session at %s", row, t.rooms[row], a)
				}
				rooms[row] = true
			}
		}
		c.mu.Unlock()
	}
	for a, sid := range t.sessions {
		_, watched := slices.BinarySearch(lives, a)
		switch {
		case owned[a] != "":
		case !watched && !t.knowing[a]:
			crashed = append(crashed, "session "+a)
		default:
			differs("session %s of nobody who lives: sid %s", a, sid)
		}
	}
	for i, a := range lives {
		if owned[a] == "" || i > 0 && lives[i-1] == a {
			differs("liveness row %s of nobody who lives", a)
		}
	}
	for key, a := range t.everyone {
		switch {
		case everyone[key]:
		case !t.entries[key]:
			crashed = append(crashed, key)
		default:
			differs("%s of nobody who lives is in everyone's room, at %s", key, a)
		}
	}
	for row := range t.lists {
		switch {
		case rooms[row]:
		case ended[row].unfinished:
			crashed = append(crashed, "list row "+row)
		default:
			differs("list row %q of nobody who lives: %s", row, ended[row].life)
		}
	}
	for row := range t.rooms {
		switch {
		case rooms[row]:
		case ended[row].unfinished:
			crashed = append(crashed, "room row "+row)
		default:
			differs("room row %q of nobody who lives: %s", row, ended[row].life)
		}
	}
	slices.Sort(all)
	return all, crashed
}

// membership is what became of one, for who looks at its rows when its client is gone.
type membership struct {
	unfinished bool // its client was not told the outcome of something
	life       string
}

// memberships adds all that there were, by their rows.
func (h *history) memberships(all map[string]membership) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sockets {
		s.client.mu.Lock()
		for room := range s.rooms {
			_, known := s.member(room)
			all[s.namespace+" "+s.id+" "+room] = membership{!known, s.life(room)}
		}
		s.client.mu.Unlock()
	}
}
