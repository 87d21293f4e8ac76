using System.ComponentModel;
using System.Globalization;
using System.Reflection;

namespace KvStore.Simulation;

/// <summary>A plan's properties by their names, for the command line and for shrinking.</summary>
public sealed partial record SimulationPlan
{
    private static readonly PropertyInfo[] Settings =
        [.. typeof(SimulationPlan).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(setting => setting.CanWrite)];

    /// <summary>What a run may have less of; the heaviest first.</summary>
    internal static IReadOnlyList<string> Shrinkable { get; } =
    [
        nameof(Duration), nameof(MisfortuneLimit), nameof(MemberCount), nameof(ClientCount), nameof(WatcherCount),
        .. Settings.Select(setting => setting.Name).Where(name => name.EndsWith("Weight", StringComparison.Ordinal)),
        nameof(IoErrors), nameof(Loss), nameof(Duplicates), nameof(SnapshotBreaks), nameof(CrashAfterCheckpoint), nameof(CrashOfLeader),
        nameof(CrashOnSnapshot), nameof(TransferOnSnapshot), nameof(CrashAfterChange), nameof(CrashAfterDelete), nameof(CrashAfterStart), nameof(IndexRot), nameof(PowerLossPercent), nameof(Compactions), nameof(ClockDrift), nameof(HasLongLeases),
        nameof(QuotaBytes), nameof(IsNativeIndex), nameof(RequestsAtOnce), nameof(IsMinorityAway),
    ];

    /// <exception cref="FormatException">There is no such thing, or it takes no such value.</exception>
    internal SimulationPlan With(string name, string value)
    {
        var setting = Array.Find(Settings, setting => setting.Name == name)
            ?? throw new FormatException($"a plan has no '{name}', but {string.Join(", ", Settings.Select(setting => setting.Name))}");
        var copy = this with { };
        try
        {
            var type = Nullable.GetUnderlyingType(setting.PropertyType) ?? setting.PropertyType;
            setting.SetValue(copy, value.Length == 0 ? null : TypeDescriptor.GetConverter(type).ConvertFromInvariantString(value));
        }
        catch (ArgumentException problem)
        {
            throw new FormatException($"'{value}' is no value for {name}: {problem.Message}", problem);
        }
        return copy;
    }

    /// <summary>As <see cref="With"/> takes them.</summary>
    internal IEnumerable<string> DifferencesFrom(SimulationPlan other) => Settings
        .Where(setting => !Equals(setting.GetValue(this), setting.GetValue(other)))
        .Select(setting => $"{setting.Name}={Text(setting)}");

    /// <summary>Smaller values to try, the smallest first.</summary>
    internal IEnumerable<string> LessOf(string name)
    {
        var setting = Array.Find(Settings, setting => setting.Name == name)!;
        switch (setting.GetValue(this))
        {
            case bool: return ["False"];
            case null: return [];
            case long: return [""];
            case TimeSpan span: return [.. new[] { 4, 2, 1.25 }.Select(part => new TimeSpan((long)(span.Ticks / part)).ToString("c", CultureInfo.InvariantCulture))];
            case int number: return [.. LessOf(name, number).Where(less => less < number).Select(less => less.ToString(CultureInfo.InvariantCulture))];
            case var other: throw new InvalidOperationException($"nobody knows less of {other}");
        }
    }

    private static int[] LessOf(string name, int number) => name switch
    {
        nameof(MemberCount) or nameof(ClientCount) => [1, 3],
        nameof(RequestsAtOnce) => [1],
        nameof(MisfortuneLimit) => [0, 1, 2, 4, 8, 16, 32],
        _ => [0, number / 2],
    };

    private string Text(PropertyInfo setting) => Convert.ToString(setting.GetValue(this), CultureInfo.InvariantCulture) ?? "";
}
