namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Which nodes have which images.</summary>
internal sealed class ImageTable
{
    private readonly Dictionary<string, Image> _images = [];

    public bool IsEmpty => _images.Count == 0;

    public Image? Find(string name) => _images.GetValueOrDefault(name);

    public void Add(int slot, List<ContainerImage>? images)
    {
        foreach (var image in images.OrEmpty())
        {
            foreach (string name in image.Names.OrEmpty())
            {
                if (!_images.TryGetValue(name, out var known))
                    _images.Add(name, known = new Image());
                known.Slots.Add(slot);
                known.SizeBytes = image.SizeBytes ?? 0;
            }
        }
    }

    public void Remove(int slot, List<ContainerImage>? images)
    {
        foreach (var image in images.OrEmpty())
        {
            foreach (string name in image.Names.OrEmpty())
            {
                if (!_images.TryGetValue(name, out var known))
                    continue;
                known.Slots.Remove(slot);
                if (known.Slots.Count == 0)
                    _images.Remove(name);
            }
        }
    }

    internal sealed class Image
    {
        public HashSet<int> Slots { get; } = [];

        public long SizeBytes { get; set; }
    }
}
