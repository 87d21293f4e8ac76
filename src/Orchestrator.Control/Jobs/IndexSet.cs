using System.Globalization;
using System.Text;

namespace Orchestrator.Control.Jobs;

/// <summary>A set of completion indexes, written as Kubernetes does: <c>1,3-5,7</c> (two in a row as <c>3,4</c>).</summary>
public sealed class IndexSet
{
    private readonly SortedSet<int> _indexes;

    public IndexSet(IEnumerable<int> indexes) => _indexes = new(indexes);

    public int Count => _indexes.Count;

    public IEnumerable<int> Items => _indexes;

    public bool Contains(int index) => _indexes.Contains(index);

    public IndexSet With(IEnumerable<int> more) => new(_indexes.Concat(more));

    /// <param name="limit">Indexes from here on are left out: a Job may have been made smaller.</param>
    public static IndexSet Parse(string? text, int limit = int.MaxValue)
    {
        var indexes = new List<int>();
        foreach (string part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] bounds = part.Split('-');
            if (!int.TryParse(bounds[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first))
                continue;
            int last = bounds.Length == 2 && int.TryParse(bounds[1], NumberStyles.None, CultureInfo.InvariantCulture, out int end)
                ? end : first;
            for (int i = first; i <= Math.Min(last, limit - 1); i++)
                indexes.Add(i);
        }
        return new(indexes);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        int? first = null, last = null;
        foreach (int index in _indexes)
        {
            if (last is { } end && index == end + 1)
            {
                last = index;
                continue;
            }
            Append(text, first, last);
            first = last = index;
        }
        Append(text, first, last);
        return text.ToString();
    }

    private static void Append(StringBuilder text, int? first, int? last)
    {
        if (first is null)
            return;
        if (text.Length > 0)
            text.Append(',');
        text.Append(CultureInfo.InvariantCulture, $"{first}");
        if (last != first)
            text.Append(CultureInfo.InvariantCulture, $"{(last == first + 1 ? ',' : '-')}{last}");
    }
}
