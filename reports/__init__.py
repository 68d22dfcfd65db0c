"""What a server says of itself to its supervisor, to the gateway and to whoever asks: the bodies of `/live`, `/health`,
`/memory` and `/activity`, as both sides have them. Sizes in bytes."""
