using System.Globalization;

namespace KvStore.Chaos.Rig;

/// <summary>Frames that the switch loses: from one port to another.</summary>
/// <param name="From">The switch's device that they come in by; see <see cref="RigNetwork"/>.</param>
/// <param name="To">The device that they would go out by.</param>
/// <param name="Percent">How many of a hundred.</param>
/// <param name="Match">A further condition in nftables' language; empty for all frames.</param>
internal sealed record DropRule(string From, string To, int Percent = 100, string Match = "")
{
    public string ToNft(string counter)
    {
        string chance = Percent >= 100 ? "" : string.Create(CultureInfo.InvariantCulture, $"numgen random mod 100 < {Percent} ");
        string match = Match.Length == 0 ? "" : Match + " ";
        return $"""iifname "{From}" oifname "{To}" {match}{chance}counter name "{counter}" drop""";
    }
}
