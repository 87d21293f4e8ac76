using System.Diagnostics;
using KvStore.Server.Bench.Http2;
using KvStore.Server.Bench.Workloads;

namespace KvStore.Server.Bench.Load;

/// <summary>
/// Clients that each send a request, wait for its answer and send the next, or the next that is due where a rate is set.
/// </summary>
internal sealed class UnaryGroup(string name, LoadSettings settings, RequestSource requests)
    : ClientGroup(name, settings.Connections, settings.StreamsPerConnection)
{
    private readonly Stack<Call> _idle = [];
    private readonly double _ticksPerRequest =
        settings.RatePerSecond is { } rate ? Stopwatch.Frequency / rate : 0;

    private long _requestLimit, _issued, _answered, _phaseStart;

    /// <summary>Holds requests back while it says so; asked before each.</summary>
    public Func<bool> MayIssue { get; init; } = () => true;

    public override bool IsFinished => _issued >= _requestLimit && _answered == _issued;

    public override long NextDue => _idle.Count > 0 && _issued < _requestLimit && _ticksPerRequest > 0 ? DueTime : long.MaxValue;

    private long DueTime => _phaseStart + (long)(_issued * _ticksPerRequest);

    public override void Start(long requestLimit, long now)
    {
        (_requestLimit, _issued, _answered, _phaseStart) = (requestLimit, 0, 0, now);
        Figures.Begin(now);
        MakeCalls();
        Tick(now);
    }

    public override void Stop() => _requestLimit = _issued;

    public override void Tick(long now)
    {
        while (_idle.Count > 0 && CanIssue(now))
        {
            var call = _idle.Pop();
            Issue(call, now);
            call.Connection.Flush();
        }
    }

    private void MakeCalls()
    {
        if (_idle.Count > 0)
            return;
        // Connection by connection within a stream's turn, so that few clients spread over many connections.
        for (int stream = 0; stream < StreamsPerConnection; stream++)
        {
            foreach (var connection in Connections)
                _idle.Push(new Call(this, connection));
        }
    }

    private bool CanIssue(long now) => _issued < _requestLimit && (_ticksPerRequest == 0 || DueTime <= now) && MayIssue();

    private void Issue(Call call, long now)
    {
        call.Start = _ticksPerRequest == 0 ? now : DueTime;
        _issued++;
        call.Template = requests.Next(now, out var message);
        call.ResponseBytes = 0;
        call.Connection.Http.Open(call, call.Template.Path, message, endsRequest: true);
    }

    private void Answered(Call call, in CallOutcome outcome, long now)
    {
        _answered++;
        if (!outcome.IsOk)
            Figures.Fail(outcome.ToString(), now);
        else if (call.ResponseBytes < call.Template!.LeastResponseBytes)
            Figures.Fail("an answer without what was asked for: load the key space first (kvstore bench load)", now);
        else
            Figures.Complete(call.Start, now);

        if (CanIssue(now))
            Issue(call, now);
        else
            _idle.Push(call);
    }

    private sealed class Call(UnaryGroup group, LoadConnection connection) : ClientStream
    {
        public LoadConnection Connection { get; } = connection;

        public RequestTemplate? Template { get; set; }

        public long Start { get; set; }

        public int ResponseBytes { get; set; }

        public override void OnData(ReadOnlySpan<byte> data, long now) => ResponseBytes += data.Length;

        public override void OnClosed(in CallOutcome outcome, long now) => group.Answered(this, outcome, now);
    }
}
