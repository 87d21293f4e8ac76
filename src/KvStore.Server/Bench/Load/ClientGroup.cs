using KvStore.Server.Bench.Results;

namespace KvStore.Server.Bench.Load;

/// <summary>
/// Clients of one kind, with connections and figures of their own. A run has one group or a few that work side by side.
/// </summary>
/// <remarks>
/// Everything is called by the load's one thread, in this order: Prepare, then for each phase Start, Tick..., Stop.
/// </remarks>
internal abstract class ClientGroup(string name, int connectionCount, int streamsPerConnection)
{
    public string Name { get; } = name;

    public int ConnectionCount { get; } = connectionCount;

    public int StreamsPerConnection { get; } = streamsPerConnection;

    /// <summary>What its figures count.</summary>
    public virtual string Unit => "requests";

    public GroupFigures Figures { get; } = new();

    public List<LoadConnection> Connections { get; } = [];

    /// <summary>Opens what must be there before the first request: watches, leases.</summary>
    public virtual void Prepare(long now)
    {
    }

    public virtual bool IsPrepared => true;

    public abstract void Start(long requestLimit, long now);

    /// <summary>Nothing new is to be asked for; what is under way is still waited for.</summary>
    public abstract void Stop();

    /// <summary>The phase is over for this group and no answer is outstanding.</summary>
    public abstract bool IsFinished { get; }

    /// <summary>Looks for requests that have become due; called at each turn of the loop.</summary>
    public virtual void Tick(long now)
    {
    }

    /// <summary>The timestamp at which <see cref="Tick"/> will have something to do.</summary>
    public virtual long NextDue => long.MaxValue;

    public GroupResult ToResult() =>
        Figures.ToResult(Name, Unit, ConnectionCount * StreamsPerConnection, ConnectionCount);
}
