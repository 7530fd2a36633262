//! Serves, with socketioxide, what the benchmark asks of each server: "hello" on connection, "echo" with an ack, and
//! "server-emit" to everybody. The contract of the three stands in tests/kit/reference/app.mjs. It prints
//! "listening <port>" and ends with SIGTERM.

use serde_json::{json, Value};
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::SocketIo;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef, io: SocketIo| {
        socket.emit("hello", &json!({ "id": socket.id })).ok();
        // A tuple is what arguments are here, a Vec would be one of them: the benchmark sends three, and two.
        socket.on("echo", async |Data::<(Value, Value, Value)>(args), ack: AckSender| {
            ack.send(&args).ok();
        });
        socket.on("server-emit", async move |Data::<(String, Value)>((event, news))| {
            io.emit(event, &news).await.ok();
        });
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?.port());
    axum::serve(listener, axum::Router::new().layer(layer)).await
}
