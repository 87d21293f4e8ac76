using KvStore.Chaos.History;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>One stream of watches at one member; what is sent and what comes is recorded as it is.</summary>
internal sealed class RecordedWatchStream : IDisposable
{
    private readonly RecordedClient _client;
    private readonly string _member;
    private readonly AsyncDuplexStreamingCall<WatchRequest, WatchResponse> _call;
    private bool _isEndRecorded;

    public RecordedWatchStream(RecordedClient client, string member)
    {
        (_client, _member) = (client, member);
        Number = client.Recorder.NewStream();
        _call = client.ChannelTo(member).AsyncDuplexStreamingCall(Rpcs.Watch, null, new CallOptions());
    }

    /// <summary>Unique in the run.</summary>
    public int Number { get; }

    /// <param name="resumesStream">Of a creation: which stream and watch it goes on from; 0 for a new watch.</param>
    /// <returns>Whether the stream takes it; if not, reading says why.</returns>
    public async Task<bool> SendAsync(WatchRequest request, int resumesStream = 0, long resumesWatchId = 0)
    {
        _client.Recorder.Write(new HistoryRecord
        {
            WatchSent = new WatchSent
            {
                Stream = Number,
                Client = _client.Id,
                Member = _member,
                At = _client.Recorder.Now,
                Request = request,
                ResumesStream = resumesStream,
                ResumesWatchId = resumesWatchId,
            },
        });
        try
        {
            await _call.RequestStream.WriteAsync(request);
            return true;
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <returns>The next answer; null once the stream has ended, for whatever reason.</returns>
    /// <param name="cancellationToken">Ends the stream from this side.</param>
    public async Task<WatchResponse?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await _call.ResponseStream.MoveNext(cancellationToken))
            {
                var response = _call.ResponseStream.Current;
                _client.Recorder.Write(new HistoryRecord
                {
                    WatchReceived = new WatchReceived { Stream = Number, At = _client.Recorder.Now, Response = response },
                });
                return response;
            }
            RecordEnd(StatusCode.OK, "");
        }
        catch (RpcException end)
        {
            RecordEnd(end.StatusCode, end.Status.Detail);
        }
        return null;
    }

    public void Dispose()
    {
        _call.Dispose();
        RecordEnd(StatusCode.Cancelled, "closed by the client");
    }

    private void RecordEnd(StatusCode code, string text)
    {
        if (_isEndRecorded)
            return;
        _isEndRecorded = true;
        _client.Recorder.Write(new HistoryRecord
        {
            WatchStreamEnded = new WatchStreamEnded
            {
                Stream = Number, At = _client.Recorder.Now, ErrorCode = (int)code, ErrorText = text,
            },
        });
    }
}
