namespace KvStore.Grpc;

/// <summary>What holds for every call of a <see cref="GrpcServer"/>.</summary>
public sealed class GrpcServerOptions
{
    /// <summary>The largest message taken, in bytes (after decompression); a larger one is answered ResourceExhausted.</summary>
    public int MaxReceiveMessageSize { get; init; } = 4 * 1024 * 1024;

    /// <summary>The largest message sent, in bytes; a larger one turns into ResourceExhausted.</summary>
    public int MaxSendMessageSize { get; init; } = int.MaxValue;

    /// <summary>Responses from this size on are compressed for clients that compressed their request.</summary>
    public int CompressionThresholdBytes { get; init; } = 512;

    /// <summary>What streams end with when the server stops.</summary>
    public Status ShutdownStatus { get; init; } = new(StatusCode.Unavailable, "the server is shutting down");

    public ServerCallObserver? Observer { get; init; }

    /// <summary>Told of each exception that a handler let through and that is no <see cref="RpcException"/>; its client gets
    /// Unknown with the exception's message. Given the method's path.</summary>
    public Action<string, Exception>? OnUnhandledException { get; init; }

    /// <summary>The clock that deadlines run on.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
