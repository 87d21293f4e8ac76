using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults;

/// <summary>Names of what one fault at a time plays with.</summary>
internal static class Claim
{
    /// <summary>Who belongs to the cluster.</summary>
    public const string Membership = "membership";

    /// <summary>Loss of data on one member: a majority must keep what it has.</summary>
    public const string Damage = "damage";

    /// <summary>Which groups see each other.</summary>
    public const string Partition = "partition";

    public static string Process(RigMember member) => $"process {member.Name}";

    public static string Disk(RigMember member) => $"disk {member.Name}";

    public static string Link(RigMember member) => $"link {member.Name}";

    public static string Processor(RigMember member) => $"processor {member.Name}";

    public static string Clock(RigMember member) => $"clock {member.Name}";
}
