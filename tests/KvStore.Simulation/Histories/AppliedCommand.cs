using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using Google.Protobuf;

namespace KvStore.Simulation.Histories;

/// <summary>A command at its place in the log, and what came of it the first time it was applied.</summary>
internal sealed record AppliedCommand(ulong Index, CommandKind Kind, byte[] Payload, IMessage? Response, EtcdError? Error, long Revision);
