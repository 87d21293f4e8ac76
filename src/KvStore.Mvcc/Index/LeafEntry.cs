using System.Runtime.InteropServices;
using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>A change in the 24 bytes that the common one needs: no lease, a sub below 2^20, a version below 2^32.</summary>
/// <remarks>
/// A change that does not fit is <em>wide</em>: its entry still tells the main revision and whether it is a tombstone, all else
/// stands in the newest record of <see cref="ChangeHistory"/>.
/// <code>
///  0         8           16         20         24
///  | mod i64 | create i64 | version u32 | history u32 |      mod = main &lt;&lt; 20 | sub
///              bit 63 tombstone, bit 62 wide                 history = newest chunk of the key's older changes, or 0
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct LeafEntry
{
    public const int Size = 24;
    public const int SubBits = 20;
    public const long MaxSub = (1L << SubBits) - 1;
    public const long MaxMain = (1L << 42) - 1;

    private const long TombstoneFlag = long.MinValue;
    private const long WideFlag = 1L << 62;

    public long Mod;
    public long CreateAndFlags;
    public uint Version;
    public uint History;

    public readonly bool IsTombstone => CreateAndFlags < 0;

    public readonly bool IsWide => (CreateAndFlags & WideFlag) != 0;

    public readonly long Main => Mod >> SubBits;

    /// <summary>Meaningful only for an entry that is not wide.</summary>
    public readonly KeyState State => new(
        new Revision(Main, Mod & MaxSub), CreateAndFlags & ~(TombstoneFlag | WideFlag), Version, LeaseId.None);

    public static LeafEntry From(in KeyState state, bool isTombstone, uint history)
    {
        Invariant.Holds(state.Mod.Main is >= 0 and <= MaxMain && state.Mod.Sub >= 0);
        long flags = isTombstone ? TombstoneFlag : 0;
        if (IsWideState(state, isTombstone))
            return new LeafEntry { Mod = Pack(state.Mod), CreateAndFlags = flags | WideFlag, History = history };
        return new LeafEntry
        {
            Mod = Pack(state.Mod),
            CreateAndFlags = isTombstone ? flags : state.Create,
            Version = isTombstone ? 0 : (uint)state.Version,
            History = history,
        };
    }

    public static bool IsWideState(in KeyState state, bool isTombstone) =>
        state.Mod.Sub > MaxSub || (!isTombstone && (state.Lease != LeaseId.None || state.Version > uint.MaxValue));

    /// <summary>Below it are exactly the entries with main revision up to <paramref name="revision"/>.</summary>
    public static long LimitAt(long revision) => (Math.Clamp(revision, -1, MaxMain) + 1) << SubBits;

    /// <summary>Below it are exactly the entries before the revision, as far as they are not wide.</summary>
    public static long LimitBefore(Revision revision) => revision.Main > MaxMain
        ? long.MaxValue
        : (Math.Max(revision.Main, 0) << SubBits) + Math.Min(revision.Sub, MaxSub + 1);

    private static long Pack(Revision revision) => (revision.Main << SubBits) | Math.Min(revision.Sub, MaxSub);
}
