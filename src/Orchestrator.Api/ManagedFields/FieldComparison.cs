using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.ManagedFields;

/// <summary>What differs between two states of an object, as paths.</summary>
/// <remarks>
/// A change of a leaf is one path; what comes or goes with members or items in it is its own path and those of all its parts. Leaves
/// are scalars, what is owned as a whole, and what is empty on both sides.
/// </remarks>
internal sealed class FieldComparison
{
    private FieldComparison(FieldSet added, FieldSet modified, FieldSet removed)
    {
        Added = added;
        Modified = modified;
        Removed = removed;
        Changed = modified.Union(added);
    }

    public FieldSet Added { get; }

    public FieldSet Modified { get; }

    public FieldSet Removed { get; }

    /// <summary>What whoever made the new state says differently from the old one, or anew.</summary>
    public FieldSet Changed { get; }

    public bool IsSame => Changed.IsEmpty && Removed.IsEmpty;

    public static FieldComparison Of(JsonObject before, JsonObject after, FieldType type)
    {
        var root = new Part();
        root.CompareMaps(Slot.Of(before), Slot.Of(after), type);
        return new FieldComparison(root.Added, root.Modified, root.Removed);
    }

    public FieldComparison Without(FieldSet ignored) => ignored.IsEmpty
        ? this
        : new FieldComparison(Added.ExceptRecursively(ignored), Modified.ExceptRecursively(ignored), Removed.ExceptRecursively(ignored));

    private enum Change
    {
        None,
        Added,
        Modified,
        Removed,
    }

    /// <summary>The differences below one path. Most values differ in nothing, so sets are made when something goes into them.</summary>
    private sealed class Part
    {
        private FieldSet? _added;
        private FieldSet? _modified;
        private FieldSet? _removed;

        public FieldSet Added => _added ?? FieldSet.Empty;

        public FieldSet Modified => _modified ?? FieldSet.Empty;

        public FieldSet Removed => _removed ?? FieldSet.Empty;

        public void CompareMaps(Slot before, Slot after, FieldType type)
        {
            var (left, right) = (before.Value as JsonObject, after.Value as JsonObject);
            foreach (var (name, value) in right ?? [])
            {
                if (type.IsMetadata && name == "managedFields")
                    continue;
                CompareChild(name, isField: true, Member(before, name, type), Slot.Of(value), type.Field(name));
            }
            foreach (var (name, value) in left ?? [])
            {
                bool isMet = (right is not null && right.ContainsKey(name)) || (type.IsMetadata && name == "managedFields");
                if (!isMet)
                    CompareChild(name, isField: true, Slot.Of(value), Member(after, name, type), type.Field(name));
            }
            // What both have without saying so is the same.
            if (left is not null && right is not null)
                return;
            foreach (var (name, empty) in type.AlwaysThere)
            {
                if ((left ?? right)!.ContainsKey(name))
                    continue;
                var slot = Slot.Of(empty);
                CompareChild(name, isField: true, left is null ? Slot.Absent : slot, right is null ? Slot.Absent : slot, type.Field(name));
            }
        }

        /// <returns>False if an item has no name, so that the lists can only be compared as wholes.</returns>
        private bool CompareLists(Slot before, Slot after, FieldType type)
        {
            var left = ListItems.Read(before.Value as JsonArray, type, out _);
            var right = ListItems.Read(after.Value as JsonArray, type, out _);
            if (left is null || right is null)
                return false;
            foreach (string element in left.Elements.Union(right.Elements, StringComparer.Ordinal))
                CompareItems(element, left.At(element), right.At(element), type.Element);
            return true;
        }

        /// <summary>Items that stand twice are one leaf: whose parts would be whose?</summary>
        private void CompareItems(string element, IReadOnlyList<JsonNode?> before, IReadOnlyList<JsonNode?> after, FieldType item)
        {
            switch (before.Count, after.Count)
            {
                case ( <= 1, <= 1):
                    CompareChild(element, isField: false, SlotOf(before), SlotOf(after), item);
                    break;
                case ( >= 2, >= 2):
                    bool isSame = before.Count == after.Count && before.Zip(after).All(pair => JsonEquality.AreEqual(pair.First, pair.Second));
                    if (!isSame)
                        Note(element, Change.Modified);
                    break;
                case ( >= 2, 0):
                    Note(element, Change.Removed);
                    break;
                case ( >= 2, 1):
                    CompareChild(element, isField: false, Slot.Absent, SlotOf(after), item);
                    break;
                default:
                    var part = new Part();
                    part.Compare(SlotOf(before), Slot.Absent, item);
                    Attach(element, ref _removed, part._removed);
                    Note(element, Change.Added);
                    break;
            }
        }

        private static Slot SlotOf(IReadOnlyList<JsonNode?> items) => items.Count == 0 ? Slot.Absent : Slot.Of(items[0]);

        /// <param name="name">A field's name, or an item's element: most are the same, and need no element's text made.</param>
        private void CompareChild(string name, bool isField, Slot before, Slot after, FieldType type)
        {
            bool areScalars = before.Value is not (JsonObject or JsonArray) && after.Value is not (JsonObject or JsonArray);
            var part = areScalars ? null : new Part();
            var change = part is null ? CompareLeaf(before, after) : part.Compare(before, after, type);
            if (change == Change.None && (part is null or { _added: null, _modified: null, _removed: null }))
                return;
            string element = isField ? PathElements.Field(name) : name;
            Note(element, change);
            Attach(element, ref _added, part?._added);
            Attach(element, ref _modified, part?._modified);
            Attach(element, ref _removed, part?._removed);
        }

        private void Note(string element, Change change)
        {
            switch (change)
            {
                case Change.Added:
                    (_added ??= new FieldSet()).Add(element);
                    break;
                case Change.Modified:
                    (_modified ??= new FieldSet()).Add(element);
                    break;
                case Change.Removed:
                    (_removed ??= new FieldSet()).Add(element);
                    break;
            }
        }

        private static void Attach(string element, ref FieldSet? set, FieldSet? below)
        {
            if (below is not null)
                (set ??= new FieldSet()).Attach(element, below);
        }

        /// <returns>What became of the value itself; what became of its parts is in this object's sets.</returns>
        private Change Compare(Slot before, Slot after, FieldType type)
        {
            var sample = after.Value ?? before.Value;
            bool hasOneShape = before.Value is null || after.Value is null || before.Value.GetType() == after.Value.GetType()
                || (before.Value is JsonValue && after.Value is JsonValue);
            bool isLeaf = !hasOneShape || (IsBare(before, type) && IsBare(after, type)) || sample switch
            {
                JsonObject => type.IsAtomicMap,
                JsonArray => !type.IsAssociative || !CompareLists(before, after, type),
                _ => true,
            };
            if (!isLeaf && sample is JsonObject)
                CompareMaps(before, after, type);
            if (isLeaf)
                return CompareLeaf(before, after);
            return !before.IsThere ? Change.Added : !after.IsThere ? Change.Removed : Change.None;
        }

        private static Change CompareLeaf(Slot before, Slot after) => (before.IsThere, after.IsThere) switch
        {
            (false, false) => Change.None,
            (false, true) => Change.Added,
            (true, false) => Change.Removed,
            _ => AreEqual(before, after) ? Change.None : Change.Modified,
        };

        private static bool AreEqual(Slot before, Slot after) =>
            (before.IsEmpty && after.IsEmpty) || JsonEquality.AreEqual(before.Value, after.Value);

        /// <summary>Has nothing in it, not even what such a value has always.</summary>
        private static bool IsBare(Slot slot, FieldType type) =>
            slot.IsEmpty && (slot.Value is not JsonObject || type.AlwaysThere.Count == 0);

        private static Slot Member(Slot owner, string name, FieldType type)
        {
            if (owner.Value is not JsonObject map)
                return Slot.Absent;
            if (map.TryGetPropertyValue(name, out var value))
                return Slot.Of(value);
            foreach (var (key, empty) in type.AlwaysThere)
            {
                if (key == name)
                    return Slot.Of(empty);
            }
            return Slot.Absent;
        }
    }
}
