using System.Text;

namespace KvStore.Raft.Scenarios;

/// <summary>What <c>add-nodes</c> sets: the state to start from and the nodes' configuration.</summary>
internal static class AddNodesOptions
{
    // A bootstrapped state is that after an entry of term 1.
    private const ulong BootstrapTerm = 1;

    public static Snapshot InitialState(Directive directive)
    {
        ulong index = Number(directive, "index", 0);
        var confState = new ConfState { Voters = Ids(directive, "voters"), Learners = Ids(directive, "learners") };
        byte[] content = Encoding.UTF8.GetBytes(directive.Find("content")?.Value ?? "");
        bool isEmpty = index == 0 && content.Length == 0 && confState.IsEquivalentTo(ConfState.Empty);
        if (!isEmpty && index <= 1)
            throw new ScenarioException("index must be specified as > 1 due to bootstrap");
        return new Snapshot(new SnapshotMetadata(confState, index, isEmpty ? 0 : BootstrapTerm), content);
    }

    public static RaftConfig Config(Directive directive, NodeId id, IRaftStorage storage) => new()
    {
        Id = id,
        Storage = storage,
        // Scenarios that depend on a timeout set it.
        RandomBelow = _ => 0,
        ElectionTicks = 3,
        HeartbeatTicks = 1,
        Applied = Number(directive, "index", 0),
        AsyncStorageWrites = Flag(directive, "async-storage-writes"),
        MaxSizePerMessageBytes = Number(directive, "max-size-per-msg", RaftConfig.NoLimit),
        MaxCommittedSizePerReadyBytes = Number(directive, "max-committed-size-per-ready", 0),
        MaxUncommittedEntriesSizeBytes = Number(directive, "max-uncommitted-size", 0),
        MaxInflightMessages = (int)Number(directive, "inflight", int.MaxValue),
        MaxInflightBytes = Number(directive, "max-inflight-bytes", 0),
        CheckQuorum = Flag(directive, "checkquorum"),
        PreVote = Flag(directive, "prevote"),
        ReadOnlyOption = ReadOnly(directive),
        StepDownOnRemoval = Flag(directive, "step-down-on-removal"),
        DisableConfChangeValidation = Flag(directive, "disable-conf-change-validation"),
    };

    private static ReadOnlyOption ReadOnly(Directive directive) => directive.Find("read-only")?.Value switch
    {
        null or "safe" => ReadOnlyOption.Safe,
        "lease-based" => ReadOnlyOption.LeaseBased,
        var other => throw new ScenarioException($"invalid read-only option \"{other}\""),
    };

    private static IReadOnlyList<NodeId> Ids(Directive directive, string key) =>
        [.. (directive.Find(key)?.Values ?? []).Select(value => new NodeId(Argument.Number(value)))];

    private static ulong Number(Directive directive, string key, ulong otherwise) =>
        directive.Find(key) is { } argument ? Argument.Number(argument.Value) : otherwise;

    private static bool Flag(Directive directive, string key) => directive.Find(key)?.Flag ?? false;
}
