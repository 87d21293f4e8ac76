using KvStore.Server.Bench.Workloads;

namespace KvStore.Server.Bench.Load;

/// <summary>A workload with its settings: what <see cref="LoadRun"/> executes.</summary>
public sealed class LoadPlan
{
    private LoadPlan(string workload, LoadSettings settings, params ClientGroup[] groups)
    {
        Workload = workload;
        Settings = settings;
        Groups = groups;
    }

    public string Workload { get; }

    public LoadSettings Settings { get; }

    /// <summary>The group that the plan is about first.</summary>
    internal IReadOnlyList<ClientGroup> Groups { get; }

    public static LoadPlan Put(LoadSettings settings) => Unary("put", settings, Requests.Puts(settings));

    /// <summary>Puts every key of the space once, in order.</summary>
    public static LoadPlan Load(LoadSettings settings)
    {
        settings = settings with { Keys = settings.Keys with { IsSequential = true }, RequestLimit = settings.Keys.Count };
        return Unary("load", settings, Requests.Puts(settings));
    }

    public static LoadPlan Range(LoadSettings settings, bool isSerializable, int keyCount = 1)
    {
        string name = (isSerializable ? "range-serializable" : "range-linearizable") + (keyCount > 1 ? $"-{keyCount}" : "");
        return Unary(name, settings, Requests.Ranges(settings, isSerializable, keyCount));
    }

    public static LoadPlan TxnPut(LoadSettings settings) => Unary("txn-put", settings, Requests.TxnPuts(settings));

    public static LoadPlan TxnMixed(LoadSettings settings, double readShare) =>
        Unary("txn-mixed", settings, Requests.MixedTxns(settings, readShare));

    public static LoadPlan LeaseKeepAlive(LoadSettings settings) =>
        new("lease-keepalive", settings, new KeepAliveGroup(settings));

    /// <summary>Linearizable reads, and as many clients that write.</summary>
    public static LoadPlan RangeBesidePut(LoadSettings settings) => new(
        "range-beside-put",
        settings,
        new UnaryGroup("ranges", settings, Requests.Ranges(settings, isSerializable: false)),
        new UnaryGroup("puts", settings, Requests.Puts(settings)));

    /// <summary>Every client watches everything, others put; the limits of the settings count events.</summary>
    /// <param name="putConnections">Each has <paramref name="putStreams"/> clients that put.</param>
    /// <param name="name"><c>watch</c> to find the most events a second, <c>watch-latency</c> with a rate of puts.</param>
    public static LoadPlan Watch(LoadSettings settings, int putConnections, int putStreams, string name = "watch")
    {
        if (settings.ValueBytes < sizeof(long))
            throw new LoadException("A watched value carries the time of its put: give a --value-size of at least 8.");
        if (settings.Keys.Prefix.Length == 0)
            throw new LoadException("A watch needs keys with a prefix.");
        int watchers = settings.Clients;
        settings = settings with
        {
            RequestLimit = Math.Max(1, settings.RequestLimit / watchers),
            WarmUpRequests = (settings.WarmUpRequests + watchers - 1) / watchers,
        };
        UnaryGroup? puts = null;
        var watches = new WatchGroup(settings) { Puts = () => puts! };
        puts = new UnaryGroup(
            "puts",
            settings with { Connections = putConnections, StreamsPerConnection = putStreams },
            Requests.Puts(settings, isTimed: true))
        {
            MayIssue = () => watches.HasCaughtUp,
        };
        return new LoadPlan(name, settings, watches, puts);
    }

    private static LoadPlan Unary(string workload, LoadSettings settings, RequestSource requests)
    {
        settings.Keys.Validate();
        return new LoadPlan(workload, settings, new UnaryGroup("requests", settings, requests));
    }
}
