using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client.Tests;

/// <summary>What the ends of single calls mean, over the network and in memory.</summary>
public class CallTests
{
    [Theory, InlineData(false), InlineData(true)]
    public async Task A_write_whose_outcome_is_unknown_says_so_and_is_not_made_twice(bool inMemory)
    {
        await using var server = await new ScriptedServer
        {
            OnPut = (_, _) => throw ScriptedServer.Refusal(StatusCode.Unavailable, "etcdserver: request timed out"),
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);

        var unknown = await Assert.ThrowsAsync<UnknownOutcomeException>(() => client.Kv.PutAsync("a", "1").Soon());

        Assert.Equal(1, server.CountOf("Put"));
        Assert.Equal("/etcdserverpb.KV/Put", unknown.Method);
        Assert.Contains("etcdserver: request timed out", unknown.Message);
        Assert.IsType<RpcException>(unknown.InnerException);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_read_is_made_again_while_there_is_time(bool inMemory)
    {
        int tries = 0;
        await using var server = await new ScriptedServer
        {
            OnRange = (_, _) => Interlocked.Increment(ref tries) < 4
                ? throw ScriptedServer.Refusal(StatusCode.Unavailable, "etcdserver: leader changed")
                : Task.FromResult(new RangeResponse { Kvs = { new KeyValue { Version = 7 } } }),
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);

        Assert.Equal(7, (await client.Kv.GetAsync("a").Soon())!.Version);
        Assert.Equal(4, tries);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_transaction_that_only_reads_is_a_read_and_one_that_writes_in_either_branch_is_none(bool inMemory)
    {
        int tries = 0;
        await using var server = await new ScriptedServer
        {
            OnTxn = (_, _) => ++tries % 2 == 1
                ? throw ScriptedServer.Refusal(StatusCode.Unavailable, "etcdserver: request timed out")
                : Task.FromResult(new TxnResponse()),
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);

        await client.Kv.TxnAsync(new Txn().Then(Do.Get("a")).Else(Do.Txn(new Txn().Then(Do.Get("b"))))).Soon();
        Assert.Equal(2, tries);
        await Assert.ThrowsAsync<UnknownOutcomeException>(
            () => client.Kv.TxnAsync(new Txn().Then(Do.Get("a")).Else(Do.Delete("b"))).Soon());
        Assert.Equal(3, tries);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_refusal_carries_the_servers_code_and_words(bool inMemory)
    {
        await using var server = await new ScriptedServer
        {
            OnPut = (_, _) => throw ScriptedServer.Refusal(StatusCode.NotFound, EtcdErrors.LeaseNotFound),
            OnRange = (_, _) => throw ScriptedServer.Refusal(StatusCode.OutOfRange, EtcdErrors.Compacted),
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);

        var write = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("a", "1").Soon());
        var read = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.GetAsync("a").Soon());

        Assert.Equal((StatusCode.NotFound, true), (write.Code, write.Is(EtcdErrors.LeaseNotFound)));
        Assert.Equal((StatusCode.OutOfRange, true), (read.Code, read.Is(EtcdErrors.Compacted)));
        Assert.Equal((1, 1), (server.CountOf("Put"), server.CountOf("Range")));
        Assert.Equal(client.CurrentEndpoint, write.Endpoint);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_call_without_an_answer_ends_at_its_own_limit(bool inMemory)
    {
        await using var server = await new ScriptedServer
        {
            OnPut = NeverAsync<PutResponse>,
            OnRange = NeverAsync<RangeResponse>,
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);
        var soon = new RequestOptions { Timeout = TimeSpan.FromMilliseconds(200) };

        await Assert.ThrowsAsync<UnknownOutcomeException>(() => client.Kv.PutAsync("a", "1", options: soon).Soon());
        var read = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.GetAsync("a", soon).Soon());

        Assert.Equal(StatusCode.DeadlineExceeded, read.Code);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_cancelled_call_ends_as_cancelled_and_a_sent_write_as_unknown_beside(bool inMemory)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await new ScriptedServer
        {
            OnPut = (request, context) => Arrive<PutResponse>(context),
            OnRange = (request, context) => Arrive<RangeResponse>(context),
        }.StartAsync();
        await using var client = ClientOf(server, inMemory);

        var write = await CancelledAsync(token => client.Kv.PutAsync("a", "1", cancellationToken: token));
        var read = await CancelledAsync(token => client.Kv.GetAsync("a", cancellationToken: token));

        Assert.IsType<UnknownOutcomeException>(write.InnerException);
        Assert.IsNotType<UnknownOutcomeException>(read.InnerException);

        Task<T> Arrive<T>(ServerCallContext context)
        {
            arrived.SetResult();
            return NeverAsync<T>(null!, context);
        }

        async Task<OperationCanceledException> CancelledAsync(Func<CancellationToken, Task> make)
        {
            using var source = new CancellationTokenSource();
            var call = make(source.Token);
            await arrived.Task.Soon();
            arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await source.CancelAsync();
            var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Soon());
            Assert.Equal(source.Token, exception.CancellationToken);
            return exception;
        }
    }

    [Fact]
    public async Task A_request_above_the_limit_is_refused_before_it_is_sent()
    {
        await using var server = await new ScriptedServer().StartAsync();
        await using var client = Clients.Of(server.Url);

        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("a", new byte[3 << 20]).Soon());

        Assert.Equal(StatusCode.ResourceExhausted, refused.Code);
        Assert.Equal(0, server.CountOf("Put"));
    }

    [Fact]
    public async Task An_answer_above_the_limit_leaves_a_write_unknown_and_fails_a_read()
    {
        var big = new KeyValue { Value = Google.Protobuf.ByteString.CopyFrom(new byte[2000]) };
        await using var server = await new ScriptedServer
        {
            OnPut = (_, _) => Task.FromResult(new PutResponse { PrevKv = big }),
            OnRange = (_, _) => Task.FromResult(new RangeResponse { Kvs = { big } }),
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions { Endpoints = [server.Url], MaxReceiveMessageSize = 1000 });

        await Assert.ThrowsAsync<UnknownOutcomeException>(() => client.Kv.PutAsync("a", "1").Soon());
        var read = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.GetAsync("a").Soon());

        Assert.Equal(StatusCode.ResourceExhausted, read.Code);
        Assert.Equal(1, server.CountOf("Range"));
    }

    [Fact]
    public async Task A_leader_is_required_where_the_caller_says_so()
    {
        var headers = new List<string?>();
        await using var server = await new ScriptedServer
        {
            OnRange = (_, context) =>
            {
                headers.Add(context.RequestHeaders.GetValue("hasleader"));
                return Task.FromResult(new RangeResponse());
            },
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions { Endpoints = [server.Url], RequireLeader = true });

        await client.Kv.GetAsync("a").Soon();
        await client.Kv.GetAsync("a", new RequestOptions { RequireLeader = false }).Soon();

        Assert.Equal(["true", null], headers);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_token_is_fetched_once_and_again_when_it_is_refused(bool inMemory)
    {
        int tokens = 0;
        var seen = new System.Collections.Concurrent.ConcurrentBag<string?>();
        await using var server = await new ScriptedServer
        {
            OnAuthenticate = (request, _) => Task.FromResult(
                new AuthenticateResponse { Token = $"{request.Name}/{request.Password}/{Interlocked.Increment(ref tokens)}" }),
            OnPut = (_, context) =>
            {
                string? token = context.RequestHeaders.GetValue("token");
                seen.Add(token);
                return token == "me/secret/1" && seen.Count > 20
                    ? throw ScriptedServer.Refusal(StatusCode.Unauthenticated, EtcdErrors.InvalidAuthToken)
                    : Task.FromResult(new PutResponse());
            },
        }.StartAsync();
        await using var client = ClientOf(server, inMemory, new ClientOptions { UserName = "me", Password = "secret" });

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.Kv.PutAsync("a", "1"))).Soon();
        Assert.Equal(1, tokens);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.Kv.PutAsync("a", "1"))).Soon();

        Assert.Equal(2, tokens);
        Assert.Contains("me/secret/2", seen);
    }

    [Fact]
    public async Task A_user_who_is_refused_is_told_so_and_asked_no_more_than_once_a_call()
    {
        await using var server = await new ScriptedServer
        {
            OnAuthenticate = (_, _) => throw ScriptedServer.Refusal(StatusCode.InvalidArgument, EtcdErrors.AuthenticationFailed),
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions { Endpoints = [server.Url], UserName = "me" });

        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("a", "1").Soon());

        Assert.True(refused.Is(EtcdErrors.AuthenticationFailed));
        Assert.Equal((1, 0), (server.CountOf("Authenticate"), server.CountOf("Put")));
    }

    [Fact]
    public async Task A_cluster_without_users_is_served_without_a_token()
    {
        await using var server = await new ScriptedServer
        {
            OnAuthenticate = (_, _) => throw ScriptedServer.Refusal(StatusCode.FailedPrecondition, EtcdErrors.AuthNotEnabled),
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions { Endpoints = [server.Url], UserName = "me" });

        await client.Kv.PutAsync("a", "1").Soon();
        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal((1, 2), (server.CountOf("Authenticate"), server.CountOf("Put")));
    }

    [Fact]
    public async Task Pages_are_read_at_the_revision_of_the_first()
    {
        var requests = new List<RangeRequest>();
        await using var server = await new ScriptedServer
        {
            OnRange = (request, _) =>
            {
                requests.Add(request);
                int page = requests.Count;
                return Task.FromResult(new RangeResponse
                {
                    Header = new ResponseHeader { Revision = 40 + page },
                    More = page < 3,
                    Kvs = { new KeyValue { Key = Google.Protobuf.ByteString.CopyFromUtf8($"k{page}") } },
                });
            },
        }.StartAsync();
        await using var client = Clients.Of(server.Url);

        int pages = 0;
        await foreach (var page in client.Kv.RangeStreamAsync(KeyRange.Prefix("k"), pageSize: 1))
            pages += page.Kvs.Count;

        Assert.Equal(3, pages);
        Assert.Equal([0, 41, 41], requests.Select(request => request.Revision));
        Assert.Equal(["k", "k1\0", "k2\0"], requests.Select(request => request.Key.ToStringUtf8()));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_snapshot_is_held_against_its_digest(bool isWhole)
    {
        byte[] file = new byte[70_000];
        byte[] digest = System.Security.Cryptography.SHA256.HashData(file);
        await using var server = await new ScriptedServer
        {
            OnSnapshot = async pieces =>
            {
                await pieces.WriteAsync(new SnapshotResponse { Blob = Google.Protobuf.ByteString.CopyFrom(file, 0, 40_000) });
                await pieces.WriteAsync(new SnapshotResponse
                {
                    Blob = Google.Protobuf.ByteString.CopyFrom(file, 40_000, isWhole ? 30_000 : 29_000),
                });
                await pieces.WriteAsync(new SnapshotResponse { Blob = Google.Protobuf.ByteString.CopyFrom(digest) });
            },
        }.StartAsync();
        await using var client = Clients.Of(server.Url);
        using var saved = new MemoryStream();

        var saving = client.Maintenance.SaveSnapshotAsync(saved).Soon();

        if (isWhole)
        {
            await saving;
            Assert.Equal([.. file, .. digest], saved.ToArray());
        }
        else
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => saving);
        }
    }

    private static EtcdClient ClientOf(ScriptedServer server, bool inMemory, ClientOptions? options = null) =>
        new(new ClientOptions
        {
            Endpoints = inMemory ? [] : [server.Url],
            Channel = inMemory ? server.InMemory : null,
            UserName = options?.UserName,
            Password = options?.Password ?? "",
        });

    private static async Task<T> NeverAsync<T>(object request, ServerCallContext context)
    {
        await Task.Delay(Timeout.Infinite, context.CancellationToken);
        throw new InvalidOperationException();
    }
}
