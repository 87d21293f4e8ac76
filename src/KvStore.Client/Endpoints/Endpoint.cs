using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>One address of the cluster: its channel and what is known of its health.</summary>
/// <remarks>
/// Unproven or resting -> (a probe is answered) -> ready -> (a call fails) -> resting for the back-off -> a probe, and so on.
/// Only ready endpoints are given calls. The probe is grpc.health.v1's, whatever its answer: a black hole gives none, and a
/// member of etcd that waits for a leader after its start gives none either.
/// </remarks>
internal sealed class Endpoint
{
    private readonly ClientOptions _options;
    private readonly CallInvoker _invoker;
    private readonly bool _ownsInvoker;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _lifetime = new();
    private CancellationTokenSource _isCut = new();
    private volatile bool _isReady;
    private int _generation;
    private int _failures;
    private long _failedAt;
    private TimeSpan _rest;
    private Exception? _lastFailure;
    private Task? _revival;
    private int _useCount;
    private int _owedCount;
    private long _lastAnswer;
    private bool _isRetired;

    public Endpoint(string address, ClientOptions options, CallInvoker? invoker = null)
    {
        Address = address;
        _options = options;
        _ownsInvoker = invoker is null;
        _invoker = invoker ?? CreateChannel(address, options);
    }

    public string Address { get; }

    public CallInvoker Invoker => _invoker;

    public bool IsReady => _isReady;

    /// <summary>Why it was last found wanting; null if it never was.</summary>
    public Exception? LastFailure
    {
        get
        {
            lock (_gate)
                return _lastFailure;
        }
    }

    /// <summary>Cancelled when the endpoint is found silent or is no longer of the cluster: what can go elsewhere
    /// should.</summary>
    public CancellationToken CutToken
    {
        get
        {
            lock (_gate)
                return _isCut.Token;
        }
    }

    /// <param name="owesAnswer">False for a stream, which may well be silent for hours.</param>
    public EndpointUse Enter(bool owesAnswer)
    {
        Interlocked.Increment(ref _useCount);
        // An endpoint that owed nothing until now has not been silent.
        if (owesAnswer && Interlocked.Increment(ref _owedCount) == 1)
            Volatile.Write(ref _lastAnswer, _options.TimeProvider.GetTimestamp());
        return new EndpointUse(this, Volatile.Read(ref _generation), owesAnswer);
    }

    public void Leave(bool owedAnswer)
    {
        if (owedAnswer)
            Interlocked.Decrement(ref _owedCount);
        if (Interlocked.Decrement(ref _useCount) == 0 && Volatile.Read(ref _isRetired))
            DisposeInvoker();
    }

    public void Answered()
    {
        Volatile.Write(ref _lastAnswer, _options.TimeProvider.GetTimestamp());
        if (Volatile.Read(ref _failures) == 0)
            return;
        lock (_gate)
            _failures = 0;
    }

    public void Failed(int generation, Exception cause)
    {
        lock (_gate)
        {
            if (generation == _generation)
                Rest(cause);
        }
    }

    /// <summary>Waits the rest out and probes, for all who ask together; whether that helped, <see cref="IsReady"/>
    /// tells.</summary>
    public Task ReviveAsync()
    {
        lock (_gate)
        {
            if (_isReady || _lifetime.IsCancellationRequested)
                return Task.CompletedTask;
            if (_revival is null or { IsCompleted: true })
                _revival = RestAndProbeAsync(RestLeft());
            return _revival;
        }
    }

    /// <summary>Called now and then: an endpoint that owes answers and is silent has to prove that it lives.</summary>
    public void CheckSilence()
    {
        if (!_isReady || Volatile.Read(ref _owedCount) == 0
            || _options.TimeProvider.GetElapsedTime(Volatile.Read(ref _lastAnswer)) < _options.SilenceLimit)
            return;
        lock (_gate)
        {
            if (_revival is null or { IsCompleted: true })
                _revival = CheckAsync(_generation);
        }
    }

    /// <summary>No longer of the cluster: streams leave, calls under way may end, then the channel goes.</summary>
    public void Retire()
    {
        CancellationTokenSource cut;
        lock (_gate)
        {
            _isReady = false;
            cut = _isCut;
        }

        cut.Cancel();
        _lifetime.Cancel();
        Volatile.Write(ref _isRetired, true);
        if (Volatile.Read(ref _useCount) == 0)
            DisposeInvoker();
    }

    private static GrpcChannel CreateChannel(string address, ClientOptions options) => GrpcChannel.ForAddress(
        EndpointAddress.Parse(address, options.Tls is not null), new GrpcChannelOptions
        {
            Tls = options.Tls,
            ConnectTimeout = options.ConnectTimeout,
            MaxReceiveMessageSize = options.MaxReceiveMessageSize,
            MaxSendMessageSize = options.MaxSendMessageSize,
            KeepAlivePingInterval = options.KeepAlivePingInterval,
            KeepAlivePingTimeout = options.KeepAlivePingTimeout,
            KeepAlivePingWithoutCalls = false,
            UserAgent = "kvstore-client",
            TimeProvider = options.TimeProvider,
        });

    private async Task RestAndProbeAsync(TimeSpan rest)
    {
        try
        {
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, _options.TimeProvider, _lifetime.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return; // Retired.
        }

        var failure = await ProbeAsync().ConfigureAwait(false);
        lock (_gate)
        {
            if (failure is null)
                BecomeReady();
            else
                Rest(failure);
        }
    }

    private async Task CheckAsync(int generation)
    {
        if (await ProbeAsync().ConfigureAwait(false) is not { } failure)
            return;
        CancellationTokenSource cut;
        lock (_gate)
        {
            if (generation != _generation)
                return;
            Rest(failure);
            cut = _isCut;
        }

        // Outside of the lock: cancelled calls go on at once, on this thread.
        await cut.CancelAsync().ConfigureAwait(false);
    }

    /// <returns>Null for an answer of any kind.</returns>
    private async Task<Exception?> ProbeAsync()
    {
        var deadline = _options.TimeProvider.GetUtcNow().UtcDateTime + _options.ConnectTimeout;
        try
        {
            using var call = _invoker.AsyncUnaryCall(
                Api.HealthCheck, null, new CallOptions(null, deadline, _lifetime.Token), new HealthCheckRequest());
            await call.ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            bool isAnswer = exception.Status.DebugException is null
                && exception.StatusCode is not (StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled);
            if (!isAnswer)
                return exception;
        }

        Volatile.Write(ref _lastAnswer, _options.TimeProvider.GetTimestamp());
        return null;
    }

    private void BecomeReady()
    {
        if (_isCut.IsCancellationRequested)
            _isCut = new CancellationTokenSource();
        Interlocked.Increment(ref _generation);
        _isReady = !_lifetime.IsCancellationRequested;
    }

    private void Rest(Exception cause)
    {
        _lastFailure = cause;
        _isReady = false;
        // What fails from here on was begun before, and says nothing new.
        Interlocked.Increment(ref _generation);
        _failures++;
        _failedAt = _options.TimeProvider.GetTimestamp();
        _rest = BackOff.After(_failures, _options.MinBackOff, _options.MaxBackOff);
    }

    private TimeSpan RestLeft() =>
        _failures == 0 ? TimeSpan.Zero : _rest - _options.TimeProvider.GetElapsedTime(_failedAt);

    private void DisposeInvoker()
    {
        if (_ownsInvoker)
            ((GrpcChannel)_invoker).Dispose();
    }
}
