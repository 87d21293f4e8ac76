using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>The endpoints of one cluster; picks the one that calls go to.</summary>
/// <remarks>One endpoint serves until it fails; then the next ready one; if none is, all are probed (after their back-off) and
/// the first that answers serves.</remarks>
internal sealed class EndpointSet : IDisposable
{
    // Often enough for a silence limit of a second, too seldom to be seen in a profile.
    private static readonly TimeSpan CheckInterval = TimeSpan.FromMilliseconds(250);

    private readonly ClientOptions _options;
    private readonly Lock _gate = new();
    private readonly ITimer _silenceTimer;
    private readonly CancellationTokenSource _lifetime = new();
    private volatile Endpoint[] _endpoints;
    private volatile Endpoint _current;
    private Task? _revival;

    public EndpointSet(ClientOptions options)
    {
        _options = options;
        if (options.Channel is null && options.Endpoints.Count == 0)
            throw new ArgumentException("a client needs at least one endpoint", nameof(options));
        _endpoints = options.Channel is { } channel
            ? [new Endpoint("inmemory", options, channel)]
            : [.. options.Endpoints.Distinct().Select(address => new Endpoint(address, options))];
        _current = _endpoints[0];
        _silenceTimer = options.TimeProvider.CreateTimer(
            static set => ((EndpointSet)set!).CheckSilence(), this, CheckInterval, CheckInterval);
    }

    public IReadOnlyList<string> Addresses => [.. _endpoints.Select(endpoint => endpoint.Address)];

    /// <summary>The endpoint that was picked last.</summary>
    public string Current => _current.Address;

    /// <param name="owesAnswer">False for a stream.</param>
    /// <returns>False if no endpoint is ready.</returns>
    /// <exception cref="ObjectDisposedException">The client is.</exception>
    public bool TryPick(bool owesAnswer, out EndpointUse use)
    {
        ObjectDisposedException.ThrowIf(_lifetime.IsCancellationRequested, typeof(EtcdClient));
        var endpoint = _current;
        if (!endpoint.IsReady)
        {
            if (NextReady(endpoint) is not { } next)
            {
                use = default;
                return false;
            }

            _current = endpoint = next;
        }

        use = endpoint.Enter(owesAnswer);
        return true;
    }

    /// <summary>Waits until an endpoint is ready.</summary>
    /// <param name="owesAnswer">False for a stream.</param>
    /// <exception cref="OperationCanceledException">None was before the token ended it.</exception>
    /// <exception cref="ObjectDisposedException">The client is.</exception>
    public async ValueTask<EndpointUse> PickAsync(bool owesAnswer, CancellationToken cancellationToken)
    {
        EndpointUse use;
        while (!TryPick(owesAnswer, out use))
            await Revival().WaitAsync(cancellationToken).ConfigureAwait(false);
        return use;
    }

    /// <summary>The endpoint lives but can not serve now: calls go to the next ready one, if there is one.</summary>
    public void Avoid(Endpoint endpoint)
    {
        if (_current == endpoint && NextReady(endpoint) is { } next)
            _current = next;
    }

    /// <summary>The endpoint of this address, whatever its health.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public EndpointUse Get(string address, bool owesAnswer)
    {
        ObjectDisposedException.ThrowIf(_lifetime.IsCancellationRequested, typeof(EtcdClient));
        var endpoint = Array.Find(_endpoints, endpoint => endpoint.Address == address)
            ?? throw new ArgumentException($"{address} is none of the client's endpoints: {string.Join(", ", Addresses)}");
        return endpoint.Enter(owesAnswer);
    }

    /// <summary>What stands in the way of a call, for people.</summary>
    public EtcdException NoneIsReady(StatusCode code, string method)
    {
        var endpoints = _endpoints;
        var reasons = endpoints.Select(endpoint => $"{endpoint.Address}: {Reason(endpoint.LastFailure)}");
        return new EtcdException(
            code, $"{method}: no endpoint answers in time ({string.Join("; ", reasons)})",
            cause: endpoints.Select(endpoint => endpoint.LastFailure).FirstOrDefault(failure => failure is not null));
    }

    /// <summary>Keeps the endpoints that are in the list, adds new ones, retires the rest.</summary>
    public void Replace(IReadOnlyCollection<string> addresses)
    {
        Endpoint[] retired;
        lock (_gate)
        {
            if (_options.Channel is not null || addresses.Count == 0 || _lifetime.IsCancellationRequested)
                return;
            var before = _endpoints;
            Endpoint[] after = [.. addresses.Distinct().Select(address =>
                Array.Find(before, endpoint => endpoint.Address == address) ?? new Endpoint(address, _options))];
            retired = [.. before.Except(after)];
            _endpoints = after;
            if (!after.Contains(_current))
                _current = after[0];
        }

        foreach (var endpoint in retired)
            endpoint.Retire();
    }

    public void Dispose()
    {
        _silenceTimer.Dispose();
        lock (_gate)
            _lifetime.Cancel();
        foreach (var endpoint in _endpoints)
            endpoint.Retire();
    }

    private Endpoint? NextReady(Endpoint endpoint)
    {
        var endpoints = _endpoints;
        int next = Array.IndexOf(endpoints, endpoint) + 1;
        return Enumerable.Range(next, endpoints.Length).Select(at => endpoints[at % endpoints.Length])
            .FirstOrDefault(candidate => candidate.IsReady);
    }

    private Task Revival()
    {
        lock (_gate)
        {
            if (_revival is null or { IsCompleted: true })
                _revival = ReviveAsync();
            return _revival;
        }
    }

    // Shared by all who wait, and goes on when they have given up: the next call then finds what has come back.
    private async Task ReviveAsync()
    {
        while (!_lifetime.IsCancellationRequested && !Array.Exists(_endpoints, endpoint => endpoint.IsReady))
            await Task.WhenAny(_endpoints.Select(endpoint => endpoint.ReviveAsync())).ConfigureAwait(false);
    }

    private void CheckSilence()
    {
        foreach (var endpoint in _endpoints)
            endpoint.CheckSilence();
    }

    private static string Reason(Exception? failure) => failure switch
    {
        null => "no answer yet",
        RpcException refusal => refusal.Status.Detail,
        _ => failure.Message,
    };
}
