using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>A stream that is open as long as somebody needs it: whenever it breaks, it is opened again elsewhere.</summary>
internal abstract class LastingStream<TRequest, TResponse, TConnection>(
    Method<TRequest, TResponse> method, StreamOpener streams, ClientOptions options) : IAsyncDisposable
    where TConnection : StreamConnection<TRequest, TResponse>
{
    private readonly CancellationTokenSource _lifetime = new();
    private Task _loop = Task.CompletedTask;
    private bool _isRunning;

    /// <summary>Guards what those who use the stream are noted in, and <see cref="Connection"/>.</summary>
    protected Lock Gate { get; } = new();

    /// <summary>Null while no stream is open.</summary>
    protected TConnection? Connection { get; private set; }

    protected ClientOptions Options => options;

    protected Credentials Credentials => streams.Credentials;

    /// <summary>Whether somebody uses it; the gate is held.</summary>
    protected abstract bool IsNeeded { get; }

    public async ValueTask DisposeAsync()
    {
        lock (Gate)
            _lifetime.Cancel();
        await _loop.ConfigureAwait(false);
        await StoppedAsync().ConfigureAwait(false);
    }

    /// <summary>Before somebody begins to use it; the gate is held.</summary>
    /// <exception cref="ObjectDisposedException">The client is gone.</exception>
    protected void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lifetime.IsCancellationRequested, typeof(EtcdClient));

    /// <summary>After somebody began to use it; the gate is held.</summary>
    protected void Run()
    {
        if (_isRunning)
            return;
        _isRunning = true;
        _loop = Task.Run(RunAsync);
    }

    protected abstract TConnection NewConnection(OpenStream<TRequest, TResponse> stream);

    /// <summary>The stream is open: asks on it for everything; the gate is held.</summary>
    protected abstract void Connected();

    protected abstract ValueTask TakeAsync(TConnection connection, TResponse response);

    /// <summary>The stream is no more; the gate is held.</summary>
    /// <returns>What is to be done about it when the gate is open again.</returns>
    /// <param name="refusal">Why the server ended it; null when it is worth another try.</param>
    protected abstract Func<ValueTask> Disconnected(EtcdException? refusal);

    /// <summary>The user cannot sign in.</summary>
    /// <returns>Whether those who use the stream were told, instead of trying again.</returns>
    protected abstract bool HasEndedFor(EtcdException signInFailure);

    /// <summary>The client is gone: tells those who still use the stream.</summary>
    protected abstract ValueTask StoppedAsync();

    private async Task RunAsync()
    {
        int failures = 0;
        while (GoesOn())
        {
            try
            {
                using var stream = await streams.OpenAsync(method, _lifetime.Token).ConfigureAwait(false);
                failures = await UseAsync(stream).ConfigureAwait(false) ? 0 : failures + 1;
                if (failures > 0)
                    await BackOff.PauseAsync(failures, options, _lifetime.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Disposed: GoesOn ends the loop.
            }
            catch (EtcdException failure)
            {
                if (!HasEndedFor(failure))
                    await BackOff.PauseAsync(++failures, options, _lifetime.Token).ConfigureAwait(false);
            }
        }
    }

    private bool GoesOn()
    {
        lock (Gate)
        {
            _isRunning = IsNeeded && !_lifetime.IsCancellationRequested;
            return _isRunning;
        }
    }

    /// <returns>False if the stream broke before it brought anything.</returns>
    private async Task<bool> UseAsync(OpenStream<TRequest, TResponse> stream)
    {
        var connection = NewConnection(stream);
        lock (Gate)
        {
            Connection = connection;
            Connected();
        }
        var writing = connection.WriteAsync();
        EtcdException? refusal = null;
        bool isUseful = false;
        try
        {
            while (await stream.Responses.MoveNext().ConfigureAwait(false))
            {
                stream.Use.Answered();
                isUseful = true;
                await TakeAsync(connection, stream.Responses.Current).ConfigureAwait(false);
            }
        }
        catch (RpcException exception)
        {
            if (connection.IsSilent)
                stream.Use.Failed(exception);
            else if (!connection.IsClosed && !_lifetime.IsCancellationRequested)
                refusal = streams.Ended(exception, stream.Use, stream.Token);
        }

        Func<ValueTask> conclude;
        lock (Gate)
        {
            Connection = null;
            connection.EndSending();
            conclude = Disconnected(refusal);
        }
        await writing.ConfigureAwait(false);
        await conclude().ConfigureAwait(false);
        return isUseful || connection.IsClosed;
    }
}
