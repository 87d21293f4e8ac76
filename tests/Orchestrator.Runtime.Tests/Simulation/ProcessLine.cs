using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>One process's way to the server, by which it dies at a chosen step, or stands still for a while.</summary>
public sealed class ProcessLine(IApiTransport server, Action<ProcessLine> onDeath) : IApiTransport
{
    private bool _isCut;
    private int _stepsLeft = int.MaxValue;
    private bool _diesAfterTheServerActed;
    private OneTimeSignal? _thaw;

    /// <summary>No farewell: nothing gets through any more, in either direction.</summary>
    public void Cut()
    {
        _isCut = true;
        Thaw();
    }

    /// <summary>The process dies at its <paramref name="steps"/>th write from now (leases and events do not count): before the
    /// server sees it, or when the server has done it and nobody reads the answer.</summary>
    public void DieAtWrite(int steps, bool afterTheServerActed)
    {
        _stepsLeft = steps;
        _diesAfterTheServerActed = afterTheServerActed;
    }

    /// <summary>Whatever it sends from now on is under way until <see cref="Thaw"/>, and arrives then, whoever leads by then.</summary>
    public void Freeze() => _thaw ??= new OneTimeSignal();

    public void Thaw()
    {
        _thaw?.Set();
        _thaw = null;
    }

    public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
    {
        CheckAlive();
        if (_thaw is { } thaw)
            return await AnswerAsync(LateAsync(request, thaw), cancellation);
        if (IsStep(request) && --_stepsLeft == 0)
            await DieAsync(request);
        var response = await server.SendAsync(request, cancellation);
        CheckAlive();
        return response;
    }

    public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        CheckAlive();
        if (_thaw is { } thaw)
            await thaw.WaitAsync(cancellation);
        return new Stream(this, await server.OpenAsync(request, cancellation));
    }

    private static bool IsStep(ApiRequest request) =>
        request.Method != HttpMethod.Get && !request.PathAndQuery.Contains("/leases") && !request.PathAndQuery.Contains("/events");

    private async Task DieAsync(ApiRequest request)
    {
        if (_diesAfterTheServerActed)
            await server.SendAsync(request, CancellationToken.None);
        Cut();
        onDeath(this);
        CheckAlive();
    }

    // Who waits may give up, and the request is under way all the same. (A task's own WaitAsync would leave the virtual world.)
    private static async Task<ApiResponse> AnswerAsync(Task<ApiResponse> late, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<ApiResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.Register(() => answer.TrySetCanceled(cancellation));
        _ = TellAsync();
        return await answer.Task;

        async Task TellAsync()
        {
            try
            {
                answer.TrySetResult(await late);
            }
            catch (TransportException fault)
            {
                answer.TrySetException(fault);
            }
        }
    }

    private async Task<ApiResponse> LateAsync(ApiRequest request, OneTimeSignal thaw)
    {
        await thaw.WaitAsync();
        CheckAlive();
        return await server.SendAsync(request, CancellationToken.None);
    }

    private void CheckAlive()
    {
        if (_isCut)
            throw new TransportException("the process is dead (planted)");
    }

    private sealed class Stream(ProcessLine line, IApiStream stream) : IApiStream
    {
        public int StatusCode => stream.StatusCode;

        public TimeSpan? RetryAfter => stream.RetryAfter;

        public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
        {
            line.CheckAlive();
            if (line._thaw is { } thaw)
                await thaw.WaitAsync(cancellation);
            var next = await stream.ReadLineAsync(cancellation);
            line.CheckAlive();
            return next;
        }

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }
}
