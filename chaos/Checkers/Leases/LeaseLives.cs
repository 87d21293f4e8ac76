using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Checkers.Leases;

/// <summary>Gathers what the records say of each lease.</summary>
internal sealed class LeaseLives
{
    public const string LeaseNotFoundText = "requested lease not found";

    private readonly Dictionary<long, LeaseLife> _lives = [];

    public LeaseLives(RunHistory history, Timeline timeline)
    {
        foreach (var operation in history.Operations)
            Take(operation);
        var attached = new Dictionary<ByteString, long>();
        for (long revision = Timeline.FirstRevision + 1; revision <= timeline.LastRevision; revision++)
        {
            foreach (var change in timeline.EventsAt(revision))
                attached[change.Key] = change.IsCertain ? change.After?.Lease ?? 0 : 0;
            if (timeline.CauseOf(revision) is { Kind: CauseKind.Expiry, IsExcusable: false } cause)
                Expired(cause.Lease, revision, timeline);
        }
        foreach (long lease in attached.Values)
        {
            if (lease != 0)
                Of(lease).HasKeysAtTheEnd = true;
        }
    }

    public IEnumerable<LeaseLife> All => _lives.Values;

    private LeaseLife Of(long id)
    {
        if (!_lives.TryGetValue(id, out var life))
            _lives.Add(id, life = new LeaseLife(id));
        return life;
    }

    private void Take(Operation operation)
    {
        switch (operation.Request.RpcCase)
        {
            case Rpc.LeaseGrant when operation.Outcome == Outcome.Ok: Granted(operation); break;
            case Rpc.LeaseKeepAlive when operation.Outcome != Outcome.Failed: Renewed(operation); break;
            case Rpc.LeaseRevoke when operation.Outcome != Outcome.Failed: Of(operation.Request.LeaseRevoke.ID).Revocations.Add(operation); break;
            case Rpc.LeaseTimeToLive when operation.Outcome == Outcome.Ok: Asked(operation); break;
            case Rpc.Put when operation.Request.Put.Lease != 0: Attached(operation); break;
        }
    }

    private void Granted(Operation operation)
    {
        var granted = operation.Response.LeaseGrant;
        var life = Of(granted.ID);
        life.Grants.Add(new LeasePromise(operation.CalledAt, operation.ReturnedAt, granted.TTL, operation));
        Extend(life, operation, granted.TTL);
    }

    private void Renewed(Operation operation)
    {
        var life = Of(operation.Request.LeaseKeepAlive.ID);
        if (operation.Outcome == Outcome.Unknown)
            Extend(life, operation, 0);
        else if (operation.Response.LeaseKeepAlive.TTL > 0)
        {
            life.Renewals.Add(new LeasePromise(operation.CalledAt, operation.ReturnedAt, operation.Response.LeaseKeepAlive.TTL,
                operation));
            Extend(life, operation, operation.Response.LeaseKeepAlive.TTL);
        }
        else
            Died(life, operation, "a renewal was told so");
    }

    private void Asked(Operation operation)
    {
        var life = Of(operation.Request.LeaseTimeToLive.ID);
        if (operation.Response.LeaseTimeToLive.TTL < 0)
            Died(life, operation, "who asked for its time was told so");
        else
            life.Questions.Add(operation);
    }

    private void Attached(Operation operation)
    {
        var life = Of(operation.Request.Put.Lease);
        if (operation.Outcome == Outcome.Ok)
            life.Attachments.Add(operation);
        else if (operation.Outcome == Outcome.Failed && operation.ErrorText.Contains(LeaseNotFoundText, StringComparison.Ordinal))
            Died(life, operation, "a put was refused for it");
    }

    private void Expired(long lease, long revision, Timeline timeline)
    {
        var life = Of(lease);
        life.ExpiryRevision = revision;
        long seenAt = timeline.SeenAt(revision);
        life.Deaths.Add(new LeaseDeath(seenAt, seenAt, $"its keys vanished at revision {revision}", new Evidence(-1, 0, seenAt)));
    }

    private static void Died(LeaseLife life, Operation operation, string how) =>
        life.Deaths.Add(new LeaseDeath(operation.CalledAt, operation.ReturnedAt, how, Evidence.Of(operation)));

    private static void Extend(LeaseLife life, Operation operation, long ttlSeconds)
    {
        life.LastExtension = Math.Max(life.LastExtension, operation.ReturnedAt);
        life.LongestTtlSeconds = Math.Max(life.LongestTtlSeconds, ttlSeconds);
    }
}
