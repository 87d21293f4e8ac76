using KvStore.Server.Configuration;
using KvStore.Server.Peers.Calls;

namespace KvStore.Server.Cluster;

/// <summary>Who a member is that has no data yet: one of a new cluster's, or one that joins.</summary>
/// <param name="Id">Derived from the peer URLs and the token, or given when the member was added.</param>
/// <param name="Members">All members of the first start, or as the cluster that is joined tells them.</param>
public sealed record Bootstrap(ClusterId ClusterId, MemberId Id, IReadOnlyList<Protocol.Member> Members, bool IsJoining)
{
    /// <summary>How long each of the others may take to say who the members are.</summary>
    private static readonly TimeSpan LookUpTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Reads and checks <c>--initial-cluster</c>. Only where there is no data yet: later it counts no more.</summary>
    /// <exception cref="ConfigurationException">With etcd's texts.</exception>
    public static async Task<Bootstrap> DecideAsync(ServerOptions options, PeerCalls peers, CancellationToken cancellation = default)
    {
        IReadOnlyList<InitialMember> members = Parse(options.InitialCluster);
        InitialMember self = members.FirstOrDefault(member => member.Name == options.Name)
            ?? throw new ConfigurationException(
                $"couldn't find local name {GoSyntax.Quote(options.Name)} in the initial cluster configuration");
        CheckDuplicates(members);
        CheckAdvertised(options, self);
        var others = members.Where(member => member != self).SelectMany(member => member.PeerUrls).Select(url => url.ToString());
        var remote = await peers.FindClusterAsync(others, LookUpTimeout, cancellation);
        return options.InitialClusterState == InitialClusterState.Existing
            ? Join(members, self, remote)
            : Found(members, self, options.InitialClusterToken, remote);
    }

    /// <summary>The name under which <c>--initial-cluster</c> lists the member with this id; empty if it does not.</summary>
    public static string NameIn(string initialCluster, string token, MemberId id) =>
        TryParse(initialCluster).FirstOrDefault(member => IdOf(member, token) == id)?.Name ?? "";

    /// <summary>The names in <c>--initial-cluster</c>; none where it is no list of members.</summary>
    public static IEnumerable<string> NamesOf(string initialCluster) => TryParse(initialCluster).Select(member => member.Name);

    private static Bootstrap Found(IReadOnlyList<InitialMember> members, InitialMember self, string token, RemoteCluster? remote)
    {
        MemberId id = IdOf(self, token);
        // One that has voted before and forgot it must not vote again.
        if (remote?.Members.FirstOrDefault(known => known.ID == id.Value) is { ClientURLs.Count: > 0 })
            throw AlreadyBootstrapped(id);
        return new Bootstrap(
            Identity.OfCluster(members.Select(member => IdOf(member, token))),
            id,
            [.. members.Select(member => ToMember(member, IdOf(member, token).Value))],
            IsJoining: false);
    }

    private static Bootstrap Join(IReadOnlyList<InitialMember> members, InitialMember self, RemoteCluster? remote)
    {
        if (remote is null)
            throw new ConfigurationException("cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs");
        if (remote.Members.Count != members.Count)
        {
            throw new ConfigurationException(
                $"error validating peerURLs {Print(remote)}: member count is unequal: --initial-cluster names {members.Count} members, the cluster has {remote.Members.Count}");
        }
        var known = members.ToDictionary(member => member, member => Find(member, remote));
        MemberId id = new(known[self].ID);
        if (known[self].ClientURLs.Count > 0)
            throw AlreadyBootstrapped(id);
        return new Bootstrap(new ClusterId(remote.ClusterId), id, remote.Members, IsJoining: true);
    }

    private static ConfigurationException AlreadyBootstrapped(MemberId id) => new(
        $"member {id} has already been bootstrapped: its data directory is empty, but the cluster knows it as started; "
        + "give the directory back, or remove the member and add it anew");

    private static Protocol.Member Find(InitialMember member, RemoteCluster remote)
    {
        string[] urls = [.. member.PeerUrls.Select(url => url.ToString()).Order(StringComparer.Ordinal)];
        return remote.Members.FirstOrDefault(known => known.PeerURLs.Order(StringComparer.Ordinal).SequenceEqual(urls))
            ?? throw new ConfigurationException(
                $"error validating peerURLs {Print(remote)}: PeerURLs: no match found for existing member of --initial-cluster {member.Name}={string.Join(',', urls)}");
    }

    private static Protocol.Member ToMember(InitialMember member, ulong id) =>
        new() { ID = id, Name = member.Name, PeerURLs = { member.PeerUrls.Select(url => url.ToString()) } };

    private static string Print(RemoteCluster remote) =>
        string.Join(',', remote.Members.Select(member => $"{member.Name}={string.Join('+', member.PeerURLs)}"));

    private static MemberId IdOf(InitialMember member, string token) =>
        Identity.OfMember(member.PeerUrls.Select(url => url.ToString()), token);

    /// <summary>For one that has data: to it the flag is a hint at most.</summary>
    private static IReadOnlyList<InitialMember> TryParse(string text)
    {
        try
        {
            return Parse(text);
        }
        catch (ConfigurationException)
        {
            return [];
        }
    }

    /// <summary><c>m1=http://10.0.0.1:2380,m1=http://10.0.0.2:2380,m2=...</c>: a name may stand before several URLs.</summary>
    private static IReadOnlyList<InitialMember> Parse(string text)
    {
        try
        {
            return [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries)
                .Select(part => part.Split('=', 2))
                .GroupBy(part => part[0], part => part.Length > 1 ? part[1] : "")
                .Select(group => new InitialMember(group.Key, EtcdUrl.ParseList(string.Join(',', group))))
                .OrderBy(member => member.Name, StringComparer.Ordinal)];
        }
        catch (FormatException problem)
        {
            throw new ConfigurationException($"error setting up initial cluster: {problem.Message}");
        }
    }

    private static void CheckDuplicates(IReadOnlyList<InitialMember> members)
    {
        EtcdUrl[] all = [.. members.SelectMany(member => member.PeerUrls)];
        if (all.Distinct().Count() != all.Length)
            throw new ConfigurationException($"initial cluster {Print(members)} has duplicate url");
    }

    /// <summary>Others know this member by the URLs in the cluster; if it advertises others, one of the two is a slip.</summary>
    private static void CheckAdvertised(ServerOptions options, InitialMember self)
    {
        string advertised = string.Join(',', options.InitialAdvertisePeerUrls);
        string[] missing =
        [
            .. self.PeerUrls.Except(options.InitialAdvertisePeerUrls).Select(url =>
                $"--initial-cluster has {self.Name}={url} but missing from --initial-advertise-peer-urls={advertised}"),
            .. options.InitialAdvertisePeerUrls.Except(self.PeerUrls).Select(url =>
                $"--initial-advertise-peer-urls has {url} but missing from --initial-cluster={options.InitialCluster}"),
        ];
        if (missing.Length > 0)
            throw new ConfigurationException(missing);
    }

    private static string Print(IReadOnlyList<InitialMember> members) =>
        string.Join(',', members.SelectMany(member => member.PeerUrls, (member, url) => $"{member.Name}={url}"));
}
