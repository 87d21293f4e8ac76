using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;

namespace KvStore.Simulation.Histories;

/// <summary>A command at its place in the log, and what came of it where it was applied first.</summary>
internal sealed record AppliedCommand(ulong Index, CommandKind Kind, byte[] Payload, IMessage? Response, EtcdError? Error, long Revision)
{
    /// <summary>What is compacted once it is applied.</summary>
    public long Compacted { get; set; }
}
