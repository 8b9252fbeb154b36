const fixes: Record<string, string> = {
  region_unreachable: "Correct that address in the region's kubeconfig, or the network, VPN or proxy on the way to it.",
  region_unauthenticated: "Renew the token or certificate in the region's kubeconfig.",
  namespace_missing: 'Create it with kubectl create namespace, or correct the namespace of the region.',
  image_pull_failed: 'Correct ecolink_image. A private registry needs image_pull_secrets.',
  not_ecolink_image: 'Set ecolink_image to the image that EcoLink itself runs in, of the same version.',
  container_not_started: 'Correct what this names: the environment, ca_config_map or run_as of the region.',
  volume_not_mounted:
    'Correct what this names: ca_config_map, or the storage that storage_class and access_mode ask for.',
  quota_exceeded: "Raise the namespace's quota. This took a claim of 1 GiB and a small pod; a launch takes far more.",
  unschedulable: 'Correct node_selector and tolerations of the region. Nodes that scale from zero may need longer.',
  volume_not_bound: 'Correct storage_class and access_mode of the region to what the storage supports.',
  folder_unreadable: 'Set run_as to a user and group that may write to the storage.',
  admission_denied: "Correct the setting that this names, or show the sentence to the cluster's administrator.",
};

/** Settings that a cluster's rules name in their own words. */
const settings: [RegExp, string][] = [
  [/PriorityClass/, 'Correct priority_class of the region.'],
  [/must specify (limits|requests)/, "Set what this names in the region's resources and download_resources."],
  [
    /per PersistentVolumeClaim/,
    "Ask the cluster's administrator: the namespace's LimitRange does not allow claims of this size.",
  ],
];

/** What to do about a region that refused something, or in which a pod did not start. Pure. */
export function fixFor(code: string, said: string): string {
  const setting = code === 'admission_denied' ? settings.find(([pattern]) => pattern.test(said)) : undefined;
  return setting?.[1] ?? fixes[code] ?? 'Correct ecolink_image, storage_class, access_mode or run_as of the region.';
}
