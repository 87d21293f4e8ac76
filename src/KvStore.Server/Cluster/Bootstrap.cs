using KvStore.Server.Configuration;

namespace KvStore.Server.Cluster;

/// <summary>Who this member is in a cluster that is started for the first time.</summary>
/// <param name="Id">Derived from the peer URLs and the token.</param>
/// <param name="Members">All members of the first start, by name.</param>
public sealed record Bootstrap(ClusterId ClusterId, MemberId Id, IReadOnlyList<InitialMember> Members)
{
    /// <summary>Reads and checks <c>--initial-cluster</c>. Only where there is no data yet: later it counts no more.</summary>
    /// <exception cref="ConfigurationException">With etcd's texts.</exception>
    public static Bootstrap Decide(ServerOptions options)
    {
        IReadOnlyList<InitialMember> members = Parse(options.InitialCluster);
        InitialMember self = members.FirstOrDefault(member => member.Name == options.Name)
            ?? throw new ConfigurationException(
                $"couldn't find local name {GoSyntax.Quote(options.Name)} in the initial cluster configuration");
        CheckDuplicates(members);
        CheckAdvertised(options, self);
        if (options.InitialClusterState == InitialClusterState.Existing)
        {
            throw new ConfigurationException(
                "--initial-cluster-state=existing: joining a cluster is not supported yet, and there is no data of an earlier "
                + $"start in {GoSyntax.Quote(options.DataDirectory)}: use --initial-cluster-state=new or the right --data-dir");
        }
        if (members.Count > 1)
        {
            throw new ConfigurationException(
                $"--initial-cluster names {members.Count} members ({string.Join(", ", members.Select(member => member.Name))}): "
                + "clusters of more than one member are not supported yet, name this one only");
        }
        MemberId id = IdOf(self, options.InitialClusterToken);
        return new Bootstrap(
            Identity.OfCluster(members.Select(member => IdOf(member, options.InitialClusterToken))), id, members);
    }

    private static MemberId IdOf(InitialMember member, string token) =>
        Identity.OfMember(member.PeerUrls.Select(url => url.ToString()), token);

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
