namespace Orchestrator.Control.Reconciling;

/// <summary>The text of an event about an object. The reporting component is the controller's name.</summary>
/// <param name="Message">On an intent, <c>{name}</c> stands for the name of the object that was written (a generated name is
/// known only then) and <c>{error}</c> for the refusal's message.</param>
public sealed record EventNote(ObjectReference Regarding, string Type, string Reason, string Message)
{
    public const string Normal = "Normal";
    public const string Warning = "Warning";

    /// <summary>What is done, in the terms of events.k8s.io; the reason where it is not given.</summary>
    public string Action { get; init; } = "";

    public ObjectReference? Related { get; init; }

    public static EventNote About(IKubernetesObject regarding, string reason, string message) =>
        new(References.To(regarding), Normal, reason, message);

    public static EventNote WarningAbout(IKubernetesObject regarding, string reason, string message) =>
        new(References.To(regarding), Warning, reason, message);

    /// <summary>The message with its places filled in.</summary>
    public string Format(string writtenName, string error) =>
        Message.Replace("{name}", writtenName, StringComparison.Ordinal).Replace("{error}", error, StringComparison.Ordinal);

    // ObjectReference is a mutable class without value equality; two notes are the same when they say the same of the same.
    public bool Equals(EventNote? other) =>
        other is not null && Type == other.Type && Reason == other.Reason && Message == other.Message && Action == other.Action
        && Regarding.DeepEquals(other.Regarding)
        && (Related is null ? other.Related is null : Related.DeepEquals(other.Related));

    public override int GetHashCode() => HashCode.Combine(Type, Reason, Message, Regarding.Uid);
}
