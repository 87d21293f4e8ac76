using Google.Protobuf;
using KvStore.Grpc;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Server.Services;
using KvStore.Server.Tests.Members;

namespace KvStore.Server.Tests.Services;

public sealed class WatchServiceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly int Limit = new WatchHubOptions().StreamRequests;

    private readonly MemberOnOneThread _one = new();
    private readonly AsyncSignal _isReady = new();
    private readonly AsyncSignal _mayReceive = new();
    private readonly CancellationTokenSource _leaving = new();
    private readonly EagerClient _client = new(1000);
    private readonly WatchStream _stream;
    private readonly Task _receiving;

    public WatchServiceTests()
    {
        _one.RunFor(TimeSpan.FromSeconds(3));
        _stream = _one.Member.Watches.OpenStream(_isReady.Set, _mayReceive.Set);
        _stream.Create(new WatchCreateRequest { Key = ByteString.CopyFromUtf8("a") });
        _one.Rest();
        Assert.True(_stream.TryTake(out _));
        _receiving = WatchService.ReceiveAsync(_client, _stream, _isReady, _mayReceive, _leaving.Token);
    }

    public void Dispose()
    {
        _one.Dispose();
        _leaving.Dispose();
    }

    [Fact]
    public void A_client_that_never_reads_is_not_read_beyond_the_limit()
    {
        Assert.Equal(Limit, _client.ReadCount);
        _one.Rest();
        for (int i = 1; i < Limit / 2; i++)
            Assert.True(_stream.TryTake(out _));

        Assert.Equal(Limit, _client.ReadCount);
        Assert.False(_receiving.IsCompleted);
    }

    [Fact]
    public void All_its_requests_are_answered_once_it_reads()
    {
        int answers = 0;

        bool isAnswered = SpinWait.SpinUntil(() =>
        {
            _one.Rest();
            while (_stream.TryTake(out _))
                answers++;
            return answers == _client.RequestCount;
        }, Patience);

        Assert.True(isAnswered, $"{answers} answers to {_client.ReadCount} requests");
        Assert.True(SpinWait.SpinUntil(() => _receiving.IsCompletedSuccessfully, Patience));
    }

    [Fact]
    public void A_client_that_leaves_while_it_is_held_back_is_let_go()
    {
        _leaving.Cancel();
        _mayReceive.Set();

        Assert.True(SpinWait.SpinUntil(() => _receiving.IsCanceled, Patience));
        Assert.Equal(Limit, _client.ReadCount);
    }

    /// <summary>Its requests for progress are all there before the first is read.</summary>
    private sealed class EagerClient(int requestCount) : IAsyncStreamReader<WatchRequest>
    {
        private int _readCount;

        public int RequestCount => requestCount;

        public int ReadCount => Volatile.Read(ref _readCount);

        public WatchRequest Current { get; } = new() { ProgressRequest = new WatchProgressRequest() };

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_readCount == requestCount)
                return Task.FromResult(false);
            Volatile.Write(ref _readCount, _readCount + 1);
            return Task.FromResult(true);
        }
    }
}
