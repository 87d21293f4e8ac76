using System.Text;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>A set of paths into an object, as a tree of their steps.</summary>
/// <remarks>
/// A path may be in the set without those below it, and the other way round:
/// <code>
/// { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } } }     holds metadata.labels and metadata.labels.app, not metadata
/// </code>
/// Not changed once it has been handed out, except by its maker through <see cref="Add"/> and <see cref="Attach"/>.
/// </remarks>
internal sealed class FieldSet
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public static FieldSet Empty { get; } = new();

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>The next steps, of paths in the set or on the way to them.</summary>
    public IEnumerable<string> Elements => _entries.Keys;

    /// <summary>All paths, parents before children, siblings in their order.</summary>
    public IEnumerable<IReadOnlyList<string>> Paths => PathsUnder([]);

    public static FieldSet OfPath(params string[] fields)
    {
        var set = new FieldSet();
        if (fields.Length == 1)
            set.Add(PathElements.Field(fields[0]));
        else if (fields.Length > 1)
            set.Attach(PathElements.Field(fields[0]), OfPath(fields[1..]));
        return set;
    }

    /// <exception cref="FormatException">It is no <c>fieldsV1</c>.</exception>
    public static FieldSet Parse(JsonNode? fields)
    {
        var set = new FieldSet();
        foreach (var (text, below) in fields as JsonObject ?? throw new FormatException("fieldsV1 is no object"))
        {
            if (text == PathElements.Self)
                continue;
            string element = PathElements.Normalize(text);
            var inner = below as JsonObject ?? throw new FormatException("fieldsV1 holds what is no object");
            if (inner.Count == 0 || inner.ContainsKey(PathElements.Self))
                set.Add(element);
            set.Attach(element, Parse(inner));
        }
        return set;
    }

    /// <exception cref="FormatException">It is no <c>fieldsV1</c>.</exception>
    public static void Check(JsonObject fields)
    {
        foreach (var (text, below) in fields)
        {
            bool isField = text == PathElements.Self || PathElements.NameOf(text) is not null;
            if (!isField)
                PathElements.Normalize(text);
            Check(below as JsonObject ?? throw new FormatException("fieldsV1 holds what is no object"));
        }
    }

    /// <summary>Whether a record may hold a path of the set; decided without reading the whole record.</summary>
    /// <returns>False only if it holds none.</returns>
    public static bool MayMeet(JsonObject recorded, FieldSet set)
    {
        foreach (var (element, entry) in set._entries)
        {
            if (PathElements.NameOf(element) is null)
                return recorded.Count > 0;
            if (!recorded.TryGetPropertyValue(element, out var below) || below is not JsonObject inner)
                continue;
            if (entry.IsMember && (inner.Count == 0 || inner.ContainsKey(PathElements.Self)))
                return true;
            if (entry.Below is not null && MayMeet(inner, entry.Below))
                return true;
        }
        return false;
    }

    /// <summary>As <c>fieldsV1</c> has it.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (element, entry) in _entries.OrderBy(entry => entry.Key, PathElements.Order))
        {
            var below = entry.Below?.ToJson() ?? [];
            if (entry.IsMember && below.Count > 0)
                below.Insert(0, PathElements.Self, new JsonObject());
            json[element] = below;
        }
        return json;
    }

    public void Add(string element) => _entries[element] = new Entry(true, Below(element));

    /// <summary>Puts the paths of <paramref name="below"/> under an element; nothing happens if there are none.</summary>
    public void Attach(string element, FieldSet? below)
    {
        if (below is null || below.IsEmpty)
            return;
        _entries[element] = new Entry(Contains(element), Below(element)?.Union(below) ?? below);
    }

    /// <summary>Whether the path of this one step is in the set.</summary>
    public bool Contains(string element) => _entries.TryGetValue(element, out var entry) && entry.IsMember;

    public bool Contains(ReadOnlySpan<string> path) =>
        path.Length == 1 ? Contains(path[0]) : Below(path[0]) is { } below && below.Contains(path[1..]);

    /// <summary>The paths under an element; null if there are none.</summary>
    public FieldSet? Below(string element) => _entries.TryGetValue(element, out var entry) ? entry.Below : null;

    public FieldSet Union(FieldSet other)
    {
        if (other.IsEmpty)
            return this;
        if (IsEmpty)
            return other;
        var result = new FieldSet();
        foreach (string element in Elements.Union(other.Elements, StringComparer.Ordinal))
        {
            var (mine, theirs) = (Below(element), other.Below(element));
            result.Put(element, Contains(element) || other.Contains(element), mine is null ? theirs : theirs is null ? mine : mine.Union(theirs));
        }
        return result;
    }

    public FieldSet Intersect(FieldSet other)
    {
        var result = new FieldSet();
        foreach (var (element, entry) in _entries)
        {
            if (other._entries.TryGetValue(element, out var theirs))
            {
                result.Put(element, entry.IsMember && theirs.IsMember,
                    entry.Below is null || theirs.Below is null ? null : entry.Below.Intersect(theirs.Below));
            }
        }
        return result;
    }

    /// <summary>Without the paths of <paramref name="other"/>; what is below one of them stays.</summary>
    public FieldSet Except(FieldSet other) => Except(other, isRecursive: false);

    /// <summary>Without the paths of <paramref name="other"/> and all below them.</summary>
    public FieldSet ExceptRecursively(FieldSet other) => Except(other, isRecursive: true);

    /// <summary>With the fields that a schema names and that lead to a path in the set.</summary>
    public FieldSet WithNamedFields(FieldType type)
    {
        var result = new FieldSet();
        foreach (var (element, entry) in _entries)
        {
            bool isNamed = entry.Below is not null && PathElements.NameOf(element) is { } name && type.IsNamedField(name);
            result.Put(element, entry.IsMember || isNamed, entry.Below?.WithNamedFields(type.Child(element)));
        }
        return result;
    }

    public bool Equals(FieldSet other)
    {
        if (_entries.Count != other._entries.Count)
            return false;
        foreach (var (element, entry) in _entries)
        {
            if (!other._entries.TryGetValue(element, out var theirs) || entry.IsMember != theirs.IsMember)
                return false;
            bool isSameBelow = entry.Below is null ? theirs.Below is null : theirs.Below is not null && entry.Below.Equals(theirs.Below);
            if (!isSameBelow)
                return false;
        }
        return true;
    }

    public static string Display(IEnumerable<string> path) =>
        path.Aggregate(new StringBuilder(), (text, element) => text.Append(PathElements.Display(element))).ToString();

    public override string ToString() => ToJson().ToJsonString();

    private FieldSet Except(FieldSet other, bool isRecursive)
    {
        if (IsEmpty || other.IsEmpty)
            return this;
        var result = new FieldSet();
        foreach (var (element, entry) in _entries)
        {
            if (!other._entries.TryGetValue(element, out var theirs))
            {
                result._entries.Add(element, entry);
                continue;
            }
            var below = isRecursive && theirs.IsMember ? null
                : entry.Below is null || theirs.Below is null ? entry.Below
                : entry.Below.Except(theirs.Below, isRecursive);
            result.Put(element, entry.IsMember && !theirs.IsMember, below);
        }
        return result;
    }

    private void Put(string element, bool isMember, FieldSet? below)
    {
        if (below is { IsEmpty: true })
            below = null;
        if (isMember || below is not null)
            _entries[element] = new Entry(isMember, below);
    }

    private IEnumerable<IReadOnlyList<string>> PathsUnder(string[] prefix)
    {
        foreach (var (element, entry) in _entries.OrderBy(entry => entry.Key, PathElements.Order))
        {
            string[] path = [.. prefix, element];
            if (entry.IsMember)
                yield return path;
            if (entry.Below is null)
                continue;
            foreach (var below in entry.Below.PathsUnder(path))
                yield return below;
        }
    }

    private readonly record struct Entry(bool IsMember, FieldSet? Below);
}
