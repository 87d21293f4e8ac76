using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Servers;

/// <summary>Three members, etcd's or ours, and places for two more.</summary>
internal sealed class ClusterUnderTest : IAsyncDisposable
{
    private const int FirstMembers = 3, Places = 5, MaxStarts = 5;

    private static readonly Method<MemberListRequest, MemberListResponse> MembersMethod =
        Service("Cluster").Method<MemberListRequest, MemberListResponse>("MemberList");
    private static readonly Method<StatusRequest, StatusResponse> StatusMethod =
        Service("Maintenance").Method<StatusRequest, StatusResponse>("Status");

    private readonly ServerKind _kind;
    private readonly MemberPlace[] _places;
    private readonly List<ServerUnderTest> _members = [];

    private ClusterUnderTest(ServerKind kind)
    {
        _kind = kind;
        var places = Enumerable.Range(1, Places).Select(number => MemberPlace.Find($"m{number}")).ToArray();
        // Members are listed in the order of their ids, which are made of their peer URLs: m1 shall be the first of both clusters.
        var first = places.Take(FirstMembers).OrderBy(place => FirstId(place.PeerUrl), StringComparer.Ordinal);
        _places = [.. first.Select((place, i) => place with { Name = $"m{i + 1}" }), .. places.Skip(FirstMembers)];
    }

    /// <summary>Of the first three, with commas.</summary>
    public string Endpoints => string.Join(',', _places.Take(FirstMembers).Select(place => place.Endpoint));

    public static async Task<ClusterUnderTest> StartAsync(ServerKind kind)
    {
        for (int start = 1; ; start++)
        {
            var cluster = new ClusterUnderTest(kind);
            try
            {
                string initialCluster = cluster.InitialCluster(FirstMembers);
                var starting = cluster._places.Take(FirstMembers).Select(
                    place => ServerUnderTest.StartAsync(kind, place, initialCluster, isJoining: false));
                cluster._members.AddRange(await Task.WhenAll(starting));
                await cluster.AwaitNamesAsync();
                return cluster;
            }
            catch (InvalidOperationException failure)
                when (start < MaxStarts && failure.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
            {
                // Somebody else took a port between our look and the server's bind.
                await cluster.DisposeAsync();
            }
        }
    }

    /// <summary>Starts a member that was added.</summary>
    public async Task JoinAsync(string name)
    {
        int index = Array.FindIndex(_places, place => place.Name == name);
        _members.Add(await ServerUnderTest.StartAsync(_kind, _places[index], InitialCluster(index + 1), isJoining: true));
    }

    /// <summary>Puts ids and URLs in the place of a script's variables.</summary>
    public async Task<string> ResolveAsync(string word)
    {
        for (int i = 0; i < Places; i++)
        {
            word = word.Replace($"$p{i + 1}", _places[i].PeerUrl, StringComparison.Ordinal);
            if (word.Contains($"$m{i + 1}", StringComparison.Ordinal))
                word = word.Replace($"$m{i + 1}", $"{await IdAsync(_places[i])}", StringComparison.Ordinal);
        }
        return word switch
        {
            "$leader" => $"{await LeaderAsync():x}",
            "$follower" => await FollowerAsync(),
            _ => word,
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
            await member.DisposeAsync();
        foreach (var place in _places.Where(place => Directory.Exists(place.Folder)))
            place.Clear();
    }

    /// <summary>On a busy machine ours serves before all members have told their client URLs; etcd waits for its own.</summary>
    private async Task AwaitNamesAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await CallAsync(MembersMethod, new MemberListRequest { Linearizable = true })).Members.Any(member => member.ClientURLs.Count == 0))
            await Task.Delay(50, limit.Token);
    }

    private static ServiceDescriptor Service(string name) => RpcReflection.Descriptor.Services.Single(service => service.Name == name);

    /// <summary>As etcd makes the id of a first member, with the default token.</summary>
    private static string FirstId(string peerUrl) => Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(peerUrl + "etcd-cluster")));

    private string InitialCluster(int count) => string.Join(',', _places.Take(count).Select(place => place.InitialUrl));

    private async Task<string> IdAsync(MemberPlace place)
    {
        var list = await CallAsync(MembersMethod, new MemberListRequest { Linearizable = true });
        return $"{list.Members.Single(member => member.PeerURLs.Contains(place.PeerUrl)).ID:x}";
    }

    private async Task<ulong> LeaderAsync() => (await CallAsync(StatusMethod, new StatusRequest())).Leader;

    private async Task<string> FollowerAsync()
    {
        ulong leader = await LeaderAsync();
        var list = await CallAsync(MembersMethod, new MemberListRequest { Linearizable = true });
        return $"{list.Members.First(member => member.ID != leader && !member.IsLearner).ID:x}";
    }

    private async Task<TResponse> CallAsync<TRequest, TResponse>(Method<TRequest, TResponse> method, TRequest request)
    {
        using var channel = GrpcChannel.ForAddress($"http://{_places[0].Endpoint}");
        using var call = channel.AsyncUnaryCall(method, null, new CallOptions(Deadline: DateTime.UtcNow + TimeSpan.FromSeconds(60)), request);
        return await call;
    }
}
