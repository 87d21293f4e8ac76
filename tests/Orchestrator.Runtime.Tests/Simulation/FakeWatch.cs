using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>One watch of the <see cref="FakeApiServer"/>: its events come late, and it may break before any of them.</summary>
internal sealed class FakeWatch : IApiStream
{
    private readonly VirtualWorld _world;
    private readonly FakeApiServer _server;
    private readonly string _prefix = "";
    private readonly ResourceDescription? _resource;
    private readonly Queue<byte[]> _lines = new();
    private TaskCompletionSource? _more;
    private ITimer? _timer;
    private bool _isEnded;
    private bool _isBroken;

    /// <summary>An answer that is no watch.</summary>
    public FakeWatch(VirtualWorld world, FakeApiServer server, ApiResponse answer)
    {
        _world = world;
        _server = server;
        StatusCode = answer.StatusCode;
        RetryAfter = answer.RetryAfter;
        _lines.Enqueue(answer.Body.ToArray());
        _isEnded = true;
    }

    public FakeWatch(
        VirtualWorld world, FakeApiServer server, ResourceDescription resource, string ns, TimeSpan timeout)
    {
        _world = world;
        _server = server;
        _resource = resource;
        string qualified = resource.Group.Length == 0 ? resource.Plural : $"{resource.Plural}.{resource.Group}";
        _prefix = ns.Length == 0 ? $"{qualified}/" : $"{qualified}/{ns}/";
        StatusCode = 200;
        _timer = world.Time.CreateTimer(_ => End(), null, timeout, Timeout.InfiniteTimeSpan);
    }

    public int StatusCode { get; }

    public TimeSpan? RetryAfter { get; }

    public void Offer(FakeApiServer.Change change)
    {
        if (!change.Key.StartsWith(_prefix, StringComparison.Ordinal))
            return;
        if (change.New is null)
            Add("DELETED", change.Old!);
        else
            Add(change.Old is null ? "ADDED" : "MODIFIED", change.New);
    }

    public void Add(string type, JsonObject item)
    {
        _lines.Enqueue(FakeApiServer.Bytes(new JsonObject { ["type"] = type, ["object"] = item.DeepClone() }));
        Wake();
    }

    public void AddBookmark(long revision, bool isInitialEnd)
    {
        var meta = new JsonObject { ["resourceVersion"] = $"{revision}" };
        if (isInitialEnd)
            meta["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        Add("BOOKMARK", new JsonObject
        {
            ["kind"] = _resource!.Kind.Kind,
            ["apiVersion"] = _resource.Kind.ApiVersion,
            ["metadata"] = meta,
        });
    }

    public void End()
    {
        _isEnded = true;
        Wake();
    }

    public void Break()
    {
        _isBroken = true;
        Wake();
    }

    public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (_isBroken)
                throw new TransportException("the watch broke (planted)");
            if (_lines.Count > 0)
                break;
            if (_isEnded)
                return null;
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = cancellation.Register(() => _more.TrySetCanceled(cancellation));
            await _more.Task;
        }
        if (_resource is not null)
        {
            if (_server.Happens(_server.Faults.LostWatch))
                throw new TransportException("the watch broke (planted)");
            await _server.DelayAsync(cancellation);
        }
        return _lines.Dequeue();
    }

    public ValueTask DisposeAsync()
    {
        _timer?.Dispose();
        _server.Forget(this);
        return ValueTask.CompletedTask;
    }

    private void Wake() => _more?.TrySetResult();
}
