using System.Collections.ObjectModel;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>What is asked of every object, without the questions about what may be absent.</summary>
public static class ObjectExtensions
{
    extension(IKubernetesObject value)
    {
        /// <summary>Empty while the object has none (it may have a generateName).</summary>
        public string Name => value.Metadata.Name ?? "";

        /// <summary>Empty where the object belongs to no namespace.</summary>
        public string Namespace => value.Metadata.Namespace ?? "";

        public string Uid => value.Metadata.Uid ?? "";

        /// <summary>Empty before the object is stored. Opaque: it is compared for equality alone.</summary>
        public string ResourceVersion => value.Metadata.ResourceVersion ?? "";

        public IReadOnlyDictionary<string, string> Labels => OrNothing(value.Metadata.Labels);

        public IReadOnlyDictionary<string, string> Annotations => OrNothing(value.Metadata.Annotations);

        /// <summary>Deletion was asked for; finalizers or a grace period keep the object.</summary>
        public bool IsBeingDeleted => value.Metadata.DeletionTimestamp is not null;

        /// <summary>The one owner that manages the object.</summary>
        public OwnerReference? ControllerOwner => value.Metadata.OwnerReferences?.Find(owner => owner.Controller == true);

        public NamespacedName Key => new(value.Namespace, value.Name);
    }

    /// <summary>The list, or an empty one that nobody keeps: do not add to it.</summary>
    public static List<T> OrEmpty<T>(this List<T>? list) => list ?? [];

    /// <inheritdoc cref="OrEmpty{T}(List{T})"/>
    public static Dictionary<string, T> OrEmpty<T>(this Dictionary<string, T>? map) => map ?? [];

    private static IReadOnlyDictionary<string, string> OrNothing(IReadOnlyDictionary<string, string>? map) =>
        map ?? ReadOnlyDictionary<string, string>.Empty;
}
