namespace KvStore.Chaos.Faults.Disks;

/// <summary>A member's data directory is deleted.</summary>
internal sealed class Wipe(FaultContext context) : DataLoss(context, Kind)
{
    public const string Kind = "wipe";

    protected override string Harm()
    {
        if (!Directory.Exists(Member.DataDirectory))
            return "";
        Directory.Delete(Member.DataDirectory, recursive: true);
        return "the data directory was deleted";
    }
}
