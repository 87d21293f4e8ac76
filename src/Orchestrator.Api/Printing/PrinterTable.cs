using System.Collections.Frozen;
using System.Globalization;

namespace Orchestrator.Api.Printing;

/// <summary>All printers by kind.</summary>
internal static class PrinterTable
{
    private static readonly TablePrinter _ordinary = new KindPrinter<IKubernetesObject>(
        ColumnSet.Named().Add("Created At", "When the object was made.", "date"),
        (printed, _) => [printed.Name, Timestamp(printed.Metadata.CreationTimestamp)]);

    private static readonly FrozenDictionary<GroupVersionKind, TablePrinter> _printers =
        CorePrinters.All().Concat(WorkloadPrinters.All()).Concat(NetworkPrinters.All()).Concat(PolicyPrinters.All())
            .Concat(StoragePrinters.All()).ToFrozenDictionary();

    public static TablePrinter For(GroupVersionKind kind) => _printers.GetValueOrDefault(kind, _ordinary);

    public static KeyValuePair<GroupVersionKind, TablePrinter> Of<T>(
        IReadOnlyList<TableColumn> columns, Func<T, DateTimeOffset, object?[]> cells)
        where T : class, IKubernetesObject<T> => new(T.StaticKind, new KindPrinter<T>(columns, cells));

    public static string Age(IKubernetesObject printed, DateTimeOffset now) =>
        HumanDuration.Since(printed.Metadata.CreationTimestamp, now);

    public static string OrNone(string? value) => string.IsNullOrEmpty(value) ? "<none>" : value;

    /// <summary>The first three and how many more: <c>a,b,c + 2 more...</c>.</summary>
    public static string FirstThree(IReadOnlyCollection<string> values, string empty)
    {
        const int shown = 3;
        string text = string.Join(',', values.Take(shown));
        if (values.Count > shown)
            return string.Create(CultureInfo.InvariantCulture, $"{text} + {values.Count - shown} more...");
        return text.Length == 0 ? empty : text;
    }

    public static string ContainerNames(CoreV1.PodTemplateSpec template) =>
        string.Join(',', template.Spec.Containers.OrEmpty().Select(container => container.Name));

    public static string ContainerImages(CoreV1.PodTemplateSpec template) =>
        string.Join(',', template.Spec.Containers.OrEmpty().Select(container => container.Image));

    private static string Timestamp(DateTimeOffset? time) =>
        time is { } value ? value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "<unknown>";
}
