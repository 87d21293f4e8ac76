namespace KvStore.Mvcc.Commands;

/// <summary>One client's request as it stands in the log.</summary>
/// <param name="RequestId">Lets the proposing member find who waits for the answer; others ignore it.</param>
/// <param name="Payload">The request's protobuf bytes as they were received.</param>
public readonly record struct Command(CommandKind Kind, ulong RequestId, ReadOnlyMemory<byte> Payload);
