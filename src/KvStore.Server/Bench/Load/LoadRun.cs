using System.Diagnostics;
using System.Net.Sockets;
using KvStore.Server.Bench.Http2;
using KvStore.Server.Bench.Results;

namespace KvStore.Server.Bench.Load;

/// <summary>Executes one plan: connects, prepares, warms up, measures. The calling thread does all of it.</summary>
/// <remarks>
/// One thread waits for all sockets, reads what has come, and writes the requests that follow from it: a request costs the
/// generator a few microseconds, so that on a machine shared with the server it is the server that is measured.
/// </remarks>
/// <param name="report">Told a few times a second how far the run has come.</param>
/// <param name="measuringBegins">Called between warm-up and measured phase: whoever measures the server begins there too.</param>
public sealed class LoadRun(LoadPlan plan, Action<LoadProgress>? report = null, Action? measuringBegins = null)
{
    /// <summary>A server that speaks HTTP/2 greets at once; one that does not may keep silent for ever.</summary>
    private static readonly TimeSpan _greetingLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _longestWait = TimeSpan.FromMilliseconds(100);
    private const string Connecting = "connecting";

    private static readonly TimeSpan _reportInterval = TimeSpan.FromMilliseconds(100);

    private readonly List<LoadConnection> _connections = [];
    private readonly int[] _ready = new int[256];
    private long _lastReport, _served;

    /// <exception cref="LoadException">The load could not be made, or not to its end.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the connections are closed.</exception>
    public LoadResult Execute(CancellationToken cancellation)
    {
        using var poller = SocketPoller.Create();
        try
        {
            Connect(poller);
            return Run(poller, cancellation);
        }
        catch (Http2Exception lost)
        {
            throw new LoadException($"The run ended after {Answers()} answers: {lost.Message}.", lost);
        }
        finally
        {
            foreach (var connection in _connections)
                connection.Http.Dispose();
        }
    }

    private LoadResult Run(SocketPoller poller, CancellationToken cancellation)
    {
        Turn(poller, Connecting, () => _connections.All(connection => connection.Http.IsReady), () => _served, cancellation);
        CheckStreamLimits();
        foreach (var group in plan.Groups)
            group.Prepare(Stopwatch.GetTimestamp());
        Turn(poller, "preparing", () => plan.Groups.All(group => group.IsPrepared), () => _served, cancellation);
        if (plan.Settings.WarmUpRequests > 0)
            RunPhase(poller, "warming up", plan.Settings.WarmUpRequests, cancellation);
        measuringBegins?.Invoke();
        var processorTimeBefore = Environment.CpuUsage.TotalTime;
        RunPhase(poller, "measuring", plan.Settings.RequestLimit, cancellation);
        return new LoadResult
        {
            Workload = plan.Workload,
            Groups = [.. plan.Groups.Select(group => group.ToResult())],
            ClientProcessorTime = Environment.CpuUsage.TotalTime - processorTimeBefore,
        };
    }

    private void Connect(SocketPoller poller)
    {
        foreach (var group in plan.Groups)
        {
            for (int i = 0; i < group.ConnectionCount; i++)
            {
                var connection = new LoadConnection(ConnectOne(i), poller, _connections.Count);
                poller.Add(connection.Http.Socket, _connections.Count);
                _connections.Add(connection);
                group.Connections.Add(connection);
            }
        }
    }

    private ClientConnection ConnectOne(int number)
    {
        var endpoint = plan.Settings.Endpoints[number % plan.Settings.Endpoints.Count];
        try
        {
            return ClientConnection.Connect(endpoint);
        }
        catch (SocketException refused)
        {
            throw new LoadException(
                $"Cannot connect to {endpoint}: {refused.Message}. Does the server run, and is that its client port?",
                refused);
        }
    }

    private void CheckStreamLimits()
    {
        uint limit = _connections.Min(connection => connection.Http.StreamLimit);
        int wanted = plan.Groups.Max(group => group.StreamsPerConnection);
        if (wanted > limit)
            throw new LoadException(
                $"The server allows {limit} streams on a connection: give more --connections with fewer --streams than " +
                $"{wanted}.");
    }

    private void RunPhase(SocketPoller poller, string name, long requestLimit, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        long deadline = start + (long)(plan.Settings.DurationLimit.TotalSeconds * Stopwatch.Frequency);
        foreach (var group in plan.Groups)
            group.Start(requestLimit, start);
        bool isStopping = false;
        Turn(poller, name, IsOver, Answers, cancellation);

        bool IsOver()
        {
            long now = Stopwatch.GetTimestamp();
            // The first group at its end ends the others too: beside nobody they would measure something else.
            if (!isStopping && (now >= deadline || plan.Groups.Any(group => group.IsFinished)))
            {
                isStopping = true;
                foreach (var group in plan.Groups)
                    group.Stop();
            }
            Report(name, requestLimit, start, now);
            return plan.Groups.All(group => group.IsFinished);
        }
    }

    /// <summary>Serves sockets until <paramref name="isOver"/>, which is asked between two waits.</summary>
    /// <param name="progress">A number that changes while the run gets on.</param>
    private void Turn(SocketPoller poller, string phase, Func<bool> isOver, Func<long> progress, CancellationToken cancellation)
    {
        var silenceLimit = phase == Connecting ? _greetingLimit : plan.Settings.SilenceLimit;
        long lastProgress = progress(), lastProgressTime = Stopwatch.GetTimestamp();
        while (!isOver())
        {
            cancellation.ThrowIfCancellationRequested();
            int count = poller.Wait(_ready, WaitTime(out bool isPaused));
            for (int i = 0; i < count; i++)
                _connections[_ready[i]].Serve(Stopwatch.GetTimestamp());
            _served += count;
            long now = Stopwatch.GetTimestamp();
            foreach (var group in plan.Groups)
                group.Tick(now);
            // A paced load may have nothing to do for longer than any answer takes.
            if (progress() != lastProgress || isPaused)
                (lastProgress, lastProgressTime) = (progress(), now);
            else if (Stopwatch.GetElapsedTime(lastProgressTime, now) > silenceLimit)
                throw new LoadException(
                    $"No answer for {silenceLimit.TotalSeconds:0} s while {phase}, after {Answers()} answers.");
        }
    }

    private TimeSpan WaitTime(out bool isPaused)
    {
        long due = plan.Groups.Min(group => group.NextDue);
        isPaused = due != long.MaxValue;
        if (!isPaused)
            return _longestWait;
        var wait = TimeSpan.FromSeconds((due - Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait < _longestWait ? wait : _longestWait;
    }

    private long Answers() => plan.Groups.Sum(group => group.Figures.Completed + group.Figures.Failed);

    private void Report(string phase, long requestLimit, long start, long now)
    {
        if (report is null || Stopwatch.GetElapsedTime(_lastReport, now) < _reportInterval)
            return;
        _lastReport = now;
        var elapsed = Stopwatch.GetElapsedTime(start, now);
        // The last group makes the requests that the limit counts.
        var counted = plan.Groups[^1].Figures;
        double share =
            Math.Max((counted.Completed + counted.Failed) / (double)requestLimit, elapsed / plan.Settings.DurationLimit);
        long completed = plan.Groups[0].Figures.Completed;
        report(new LoadProgress(phase, Math.Min(1, share), completed, completed / Math.Max(elapsed.TotalSeconds, 0.001)));
    }
}
