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

    /// <summary>The differences below one path.</summary>
    private sealed class Part
    {
        public FieldSet Added { get; } = new();

        public FieldSet Modified { get; } = new();

        public FieldSet Removed { get; } = new();

        public void CompareMaps(Slot before, Slot after, FieldType type)
        {
            var (left, right) = (before.Value as JsonObject, after.Value as JsonObject);
            foreach (string name in Names(left, right, type))
            {
                if (type.IsMetadata && name == "managedFields")
                    continue;
                var child = type.Field(name);
                CompareChild(PathElements.Field(name), Member(before, name, type), Member(after, name, type), child);
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
                    CompareChild(element, SlotOf(before), SlotOf(after), item);
                    break;
                case ( >= 2, >= 2):
                    bool isSame = before.Count == after.Count && before.Zip(after).All(pair => JsonEquality.AreEqual(pair.First, pair.Second));
                    if (!isSame)
                        Modified.Add(element);
                    break;
                case ( >= 2, 0):
                    Removed.Add(element);
                    break;
                case ( >= 2, 1):
                    CompareChild(element, Slot.Absent, SlotOf(after), item);
                    break;
                default:
                    var part = new Part();
                    part.Compare(SlotOf(before), Slot.Absent, item);
                    Removed.Attach(element, part.Removed);
                    Added.Add(element);
                    break;
            }
        }

        private static Slot SlotOf(IReadOnlyList<JsonNode?> items) => items.Count == 0 ? Slot.Absent : Slot.Of(items[0]);

        private void CompareChild(string element, Slot before, Slot after, FieldType type)
        {
            if (!before.IsThere && !after.IsThere)
                return;
            var part = new Part();
            switch (part.Compare(before, after, type))
            {
                case Change.Added:
                    Added.Add(element);
                    break;
                case Change.Modified:
                    Modified.Add(element);
                    break;
                case Change.Removed:
                    Removed.Add(element);
                    break;
            }
            Added.Attach(element, part.Added);
            Modified.Attach(element, part.Modified);
            Removed.Attach(element, part.Removed);
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
            if (!before.IsThere)
                return Change.Added;
            if (!after.IsThere)
                return Change.Removed;
            return isLeaf && !AreEqual(before, after) ? Change.Modified : Change.None;
        }

        private static bool AreEqual(Slot before, Slot after) =>
            (before.IsEmpty && after.IsEmpty) || JsonEquality.AreEqual(before.Value, after.Value);

        /// <summary>Has nothing in it, not even what such a value has always.</summary>
        private static bool IsBare(Slot slot, FieldType type) =>
            slot.IsEmpty && (slot.Value is not JsonObject || type.AlwaysThere.Count == 0);

        private static IEnumerable<string> Names(JsonObject? left, JsonObject? right, FieldType type)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            names.UnionWith(left?.Select(member => member.Key) ?? []);
            names.UnionWith(right?.Select(member => member.Key) ?? []);
            names.UnionWith(type.AlwaysThere.Select(member => member.Key));
            return names;
        }

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
