using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>Sends raw requests to one server and notes each with its answer.</summary>
internal sealed class RecordedClient(ServerUnderTest server) : IDisposable
{
    /// <summary>Ends what would hang; no answer is waited for by the clock.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly ServiceDescriptor Kv = Service("KV"), Leases = Service("Lease"), Watches = Service("Watch"),
        Maintenance = Service("Maintenance"), Cluster = Service("Cluster");

    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(
        $"http://{server.Endpoint}", new GrpcChannelOptions { MaxReceiveMessageSize = int.MaxValue });

    /// <summary>What stands in the transcript instead of etcd's answer.</summary>
    private string? _departure;

    /// <summary>The request goes into the transcript only.</summary>
    private bool _isWithheld;

    public Transcript Transcript { get; } = new();

    public CallInvoker Channel => _channel;

    public string ServerLog => server.Log();

    public bool IsEtcd => server.Kind == ServerKind.Etcd;

    /// <summary>The store's revision, as the last answer's header had it.</summary>
    public long Revision { get; private set; }

    public Task<RangeResponse?> RangeAsync(RangeRequest request) => CallAsync<RangeRequest, RangeResponse>(Kv, "Range", request);

    public Task<PutResponse?> PutAsync(PutRequest request) => CallAsync<PutRequest, PutResponse>(Kv, "Put", request);

    public Task<PutResponse?> PutAsync(string key, string value, long lease = 0) => PutAsync(Request.Put(key, value, lease));

    public Task<DeleteRangeResponse?> DeleteAsync(string key, string rangeEnd = "", bool prevKv = false) =>
        CallAsync<DeleteRangeRequest, DeleteRangeResponse>(Kv, "DeleteRange", Request.Delete(key, rangeEnd, prevKv));

    public Task<TxnResponse?> TxnAsync(TxnRequest request) => CallAsync<TxnRequest, TxnResponse>(Kv, "Txn", request);

    public Task<CompactionResponse?> CompactAsync(long revision, bool physical = false) =>
        CallAsync<CompactionRequest, CompactionResponse>(
            Kv, "Compact", new CompactionRequest { Revision = revision, Physical = physical });

    public Task<LeaseGrantResponse?> GrantAsync(long id, long ttl) =>
        CallAsync<LeaseGrantRequest, LeaseGrantResponse>(Leases, "LeaseGrant", new LeaseGrantRequest { ID = id, TTL = ttl });

    public Task<LeaseRevokeResponse?> RevokeAsync(long id) =>
        CallAsync<LeaseRevokeRequest, LeaseRevokeResponse>(Leases, "LeaseRevoke", new LeaseRevokeRequest { ID = id });

    public Task<LeaseTimeToLiveResponse?> TimeToLiveAsync(long id, bool keys = false) =>
        CallAsync<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>(
            Leases, "LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = id, Keys = keys });

    public Task<LeaseLeasesResponse?> LeasesAsync() =>
        CallAsync<LeaseLeasesRequest, LeaseLeasesResponse>(Leases, "LeaseLeases", new LeaseLeasesRequest());

    public Task<TResponse?> MaintenanceAsync<TRequest, TResponse>(string method, TRequest request)
        where TRequest : class, IMessage
        where TResponse : class, IMessage => CallAsync<TRequest, TResponse>(Maintenance, method, request);

    public Task<MemberListResponse?> MemberListAsync(bool linearizable) =>
        CallAsync<MemberListRequest, MemberListResponse>(
            Cluster, "MemberList", new MemberListRequest { Linearizable = linearizable });

    public RecordedWatch Watch() =>
        new(this, Stream(Watches.Method<WatchRequest, WatchResponse>("Watch")));

    public RecordedStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> KeepAlive() =>
        new(this, Stream(Leases.Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive")));

    /// <summary>Another client of the same server, with a transcript that nobody compares.</summary>
    public RecordedClient Unrecorded() => new(server);

    /// <summary>A step in which our answer is not 3.5's: ours is held against the departure's text instead.</summary>
    public async Task DepartsAsync(Departure departure, Func<RecordedClient, Task> call)
    {
        if (IsEtcd)
        {
            _departure = departure.Answer.Replace("REVISION", $"{Revision}", StringComparison.Ordinal);
            _isWithheld = departure.IsDeadlyToEtcd;
        }
        await call(this);
        _departure = null;
        _isWithheld = false;
    }

    /// <summary>A unary call; null where it was refused.</summary>
    public async Task<TResponse?> CallAsync<TRequest, TResponse>(ServiceDescriptor service, string method, TRequest request)
        where TRequest : class, IMessage
        where TResponse : class, IMessage
    {
        string text = $"{method} {MessageText.Of(request)}";
        if (_isWithheld)
        {
            Note(text, "");
            return null;
        }
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var response = await _channel.AsyncUnaryCall(
                service.Method<TRequest, TResponse>(method), null, new CallOptions(CancellationToken: patience.Token), request);
            NoteRevision(response);
            Note(text, MessageText.Of(response));
            return response;
        }
        catch (RpcException refusal)
        {
            Note(text, TextOf(refusal));
            return null;
        }
    }

    public void Note(string request, string answer)
    {
        Transcript.Add(request, _departure ?? answer);
    }

    public static string TextOf(RpcException refusal)
    {
        // Neither is an answer to compare: the server is gone, or does not answer.
        if (refusal.StatusCode is StatusCode.Unavailable or StatusCode.Cancelled)
            throw refusal;
        return $"{refusal.StatusCode}: {refusal.Status.Detail}";
    }

    public void Dispose() => _channel.Dispose();

    private static ServiceDescriptor Service(string name) =>
        RpcReflection.Descriptor.Services.Single(service => service.Name == name);

    private AsyncDuplexStreamingCall<TRequest, TResponse> Stream<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
        _channel.AsyncDuplexStreamingCall(method, null, default);

    private void NoteRevision(IMessage response)
    {
        if (response.Descriptor.FindFieldByName("header")?.Accessor.GetValue(response) is ResponseHeader { Revision: > 0 } header)
            Revision = header.Revision;
    }
}
