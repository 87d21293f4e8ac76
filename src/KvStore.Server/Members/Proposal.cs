using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;

namespace KvStore.Server.Members;

/// <summary>A request on its way through the log, and whoever waits for what comes of it.</summary>
/// <param name="request">The message that <paramref name="payload"/> encodes, so that this member need not parse it again.</param>
/// <param name="proposedAt">Timestamp of the member's clock, for the request's timeout.</param>
public sealed class Proposal(CommandKind kind, ReadOnlyMemory<byte> payload, IMessage? request, long proposedAt)
{
    private readonly TaskCompletionSource<ApplyResult> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CommandKind Kind { get; } = kind;

    public ReadOnlyMemory<byte> Payload { get; } = payload;

    public IMessage? Request { get; } = request;

    public long ProposedAt { get; } = proposedAt;

    /// <summary>Unique among this member's requests; given by the raft loop.</summary>
    public ulong RequestId { get; set; }

    /// <summary>The term in which this member must still lead for the request to be proposed at all; null for any time.</summary>
    public ulong? LeaderTerm { get; init; }

    /// <summary>The term in which it was proposed.</summary>
    public ulong Term { get; set; }

    /// <summary>The result at the request's place in the log, a refusal included; fails when that will never be known here.</summary>
    public Task<ApplyResult> Outcome => _outcome.Task;

    /// <summary>Called on the loop that settled it, for those who must not wait on a task.</summary>
    public Action? Settled { get; init; }

    public void Complete(in ApplyResult result)
    {
        if (_outcome.TrySetResult(result))
            Settled?.Invoke();
    }

    /// <summary>The outcome is unknown, or the proposal was never made.</summary>
    public void Fail(EtcdException reason)
    {
        if (_outcome.TrySetException(reason))
            Settled?.Invoke();
    }
}
