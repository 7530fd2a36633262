package rooms_test

import (
	"context"
	"fmt"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

func ExampleAdapter_Broadcast() {
	ctx := context.Background()
	store := memory.New(nil)
	for _, socket := range []string{"ada", "grace", "edsger"} {
		if _, err := store.Join(ctx, "/", rooms.Member{Socket: socket, Address: "home of " + socket}, "", "programmers"); err != nil {
			fmt.Println(err)
		}
	}
	if err := store.Leave(ctx, "/", "edsger", "programmers"); err != nil {
		fmt.Println(err)
	}

	adapter := rooms.Adapter{Store: store}
	target := rooms.Target{Namespace: "/", Rooms: []string{"programmers"}, Skip: "ada"} // ada is the one who emits
	_, err := adapter.Broadcast(ctx, target, func(_ context.Context, m rooms.Member) error {
		fmt.Println("to the", m.Address)
		return nil
	})
	fmt.Println(err)
	// Output:
	// to the home of grace
	// <nil>
}
