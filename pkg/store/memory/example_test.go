package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

func ExampleNew() {
	now := time.Now()
	store := memory.New(func() time.Time { return now })
	ctx := context.Background()

	n, err := store.Join(ctx, "/", rooms.Member{Socket: "ada", Address: "here", Expires: now.Add(time.Hour)}, "", "math", "chess")
	fmt.Println(n, err)
	fmt.Println(store.Rows().Members, "memberships")

	now = now.Add(time.Hour)
	fmt.Println(store.Rows().Members, "memberships an hour later")
	// Output:
	// 2 <nil>
	// 3 memberships
	// 0 memberships an hour later
}
