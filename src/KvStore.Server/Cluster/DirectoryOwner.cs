using KvStore.Server.Configuration;

namespace KvStore.Server.Cluster;

/// <summary>Sees to it that a member does not run in another's directory: there it would vote a second time, as that one.</summary>
/// <remarks>
/// A member that moved may advertise what it likes, so addresses alone prove nothing. A mix-up is certain where this member's
/// name belongs to one id and the directory to the id of another name: by what the directory itself says of the members, and
/// where it does not say anything yet, by <c>--initial-cluster</c>.
/// </remarks>
internal static class DirectoryOwner
{
    /// <param name="id">Whose directory it is.</param>
    /// <param name="members">As the directory knows them; none before its first checkpoint.</param>
    /// <exception cref="ConfigurationException">It is another's.</exception>
    public static void Check(ServerOptions options, MemberId id, IReadOnlyList<Protocol.Member> members)
    {
        string recorded = members.FirstOrDefault(member => member.ID == id.Value)?.Name ?? "";
        if (recorded == options.Name)
            return;
        bool isAnothersName = members.Any(member => member.ID != id.Value && member.Name == options.Name);
        string listed = Bootstrap.NameIn(options.InitialCluster, options.InitialClusterToken, id);
        if (isAnothersName)
            throw Mistaken(options, id, recorded);
        if (listed.Length > 0 && listed != options.Name && Bootstrap.NamesOf(options.InitialCluster).Contains(options.Name))
            throw Mistaken(options, id, listed);
    }

    private static ConfigurationException Mistaken(ServerOptions options, MemberId id, string owner) => new(
        $"the data directory {options.DataDirectory} is that of member {id} ({owner}), not of {options.Name}: "
        + "start each member with its own --name and --data-dir");
}
