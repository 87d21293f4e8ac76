namespace KvStore.Server.Peers.Wire;

/// <summary>Frames beside raft's messages. The numbers are the protocol's.</summary>
internal enum FrameKind : byte
{
    /// <summary>From the sender of a stream: a number that the receiver sends back. u64.</summary>
    Ping = 0xF0,

    /// <summary>From the receiver: the number of the ping. u64.</summary>
    Pong = 0xF1,

    /// <summary>From the receiver: bytes are being read, though no whole frame may have come yet.</summary>
    Alive = 0xF2,

    /// <summary>From the receiver, before it closes: why, as text.</summary>
    Bye = 0xF3,

    /// <summary>From a snapshot's receiver: where the sender is to go on. Opaque.</summary>
    ResumeToken = 0xF4,

    /// <summary>From a snapshot's sender: a piece of its body.</summary>
    Piece = 0xF5,

    /// <summary>From a snapshot's sender: the body is complete. From its receiver: the snapshot is staged.</summary>
    Done = 0xF6,
}
